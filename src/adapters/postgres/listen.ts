/**
 * LISTEN, which reconnects by itself. After a reconnect the listener is called once with an empty payload, since
 * notifications may have been missed meanwhile.
 */
import type { SQL } from "bun";

export async function listen(
  sql: SQL,
  channel: string,
  listener: (payload: string) => void,
): Promise<{ stop(): Promise<void> }> {
  let first = true;
  const subscription = await sql.listen(
    channel,
    (payload) => listener(payload),
    () => {
      if (!first) listener("");
      first = false;
    },
  );
  return { stop: async () => await subscription.unlisten().catch(() => undefined) };
}
