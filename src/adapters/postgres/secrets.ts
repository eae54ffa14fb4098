/** Keys of the shop, made once and shared by all of its processes. */
import type { SQL } from "bun";
import { query } from "./database.ts";

export async function readSecret(sql: SQL, name: string): Promise<Uint8Array> {
  const made = crypto.getRandomValues(new Uint8Array(32));
  await query(
    sql,
    "insert into secrets (name, value) values ($1::text, decode($2::text, 'hex')) on conflict do nothing",
    [name, Buffer.from(made).toString("hex")],
  );
  const [row] = await query<{ value: string }>(
    sql,
    "select encode(value, 'hex') as value from secrets where name = $1::text",
    [name],
  );
  return Buffer.from((row as { value: string }).value, "hex");
}
