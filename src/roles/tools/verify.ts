/** `spillway verify`: the promises of docs, each against the database, each with its count. */
import type { Config } from "../config.ts";
import { args, print, progress, table } from "./terminal.ts";
import { withShop } from "./with-shop.ts";

export async function verifyTool(config: Config, given: string[]): Promise<number> {
  const { values } = args(given, { json: { type: "boolean", default: false } });
  const bar = progress("checking");
  const reports = await withShop(config, async (parts) => await parts.auditor.audit((done, of) => bar.show(done, of)));
  bar.end();
  const breaches = reports.reduce((sum, report) => sum + report.breaches, 0);
  if (values.json) print(JSON.stringify({ breaches, invariants: reports }));
  else {
    const rows = reports.map((report) => [
      report.breaches === 0 ? "holds" : "BROKEN",
      report.name,
      report.checked.toLocaleString("en"),
      report.breaches.toLocaleString("en"),
    ]);
    print(table([["", "promise", "checked", "breaches"], ...rows], [2, 3]));
    for (const report of reports.filter((candidate) => candidate.breaches > 0)) {
      print(`\n${report.name}: ${report.promise}`);
      for (const example of report.examples) print(`  ${example}`);
    }
    print(breaches === 0 ? "\nEvery promise holds." : `\n${breaches} breaches.`);
  }
  return breaches === 0 ? 0 : 4;
}
