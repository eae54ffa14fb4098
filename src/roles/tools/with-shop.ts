/** Opens the shop's database for a tool: the one that runs, or our own started for as long as the tool takes. */

import type { Config } from "../config.ts";
import { createParts, type Parts } from "../parts.ts";
import { openShopDatabase } from "../shop-database.ts";

export async function withShop<Result>(config: Config, work: (parts: Parts) => Promise<Result>): Promise<Result> {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const opened = await openShopDatabase(config, { shareRunning: true, seed: false, log });
  try {
    // A tool charges nobody, so no webhook is ever on its way from here.
    return await work(
      await createParts(config, opened, {
        log,
        deliverSandboxWebhook: async () => new Response(null, { status: 503 }),
      }),
    );
  } finally {
    await opened.close();
  }
}
