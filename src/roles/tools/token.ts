/** `spillway token` */
import type { Config } from "../config.ts";
import { print } from "./terminal.ts";
import { withShop } from "./with-shop.ts";

export async function tokenTool(config: Config): Promise<number> {
  print(await withShop(config, async (parts) => parts.adminToken));
  return 0;
}
