/** `spillway catalogue import|export FILE` */
import { csvText } from "#adapters/csv/read.ts";
import { SpillwayError } from "#kernel/error.ts";
import { exportCsv, importCsv } from "../catalogue-files.ts";
import type { Config } from "../config.ts";
import { args, print, progress } from "./terminal.ts";
import { withShop } from "./with-shop.ts";

export async function catalogueTool(config: Config, given: string[]): Promise<number> {
  const { positionals, values } = args(given, { "dry-run": { type: "boolean", default: false } });
  const [word, file, ...more] = positionals;
  if ((word !== "import" && word !== "export") || file === undefined || more.length > 0) {
    throw new SpillwayError("bad_usage", "usage: bin/spillway catalogue import|export FILE");
  }
  if (word === "export") {
    const text = await withShop(config, async (parts) => await exportCsv(parts.catalogueStore, parts.ledger));
    if (file === "-") process.stdout.write(text);
    else await Bun.write(file, text);
    if (file !== "-") print(`Wrote ${file}.`);
    return 0;
  }
  const source = file === "-" ? Bun.stdin : Bun.file(file);
  if (file !== "-" && !(await Bun.file(file).exists()))
    throw new SpillwayError("bad_usage", `There is no file ${file}.`);
  const text = csvText(new Uint8Array(await source.arrayBuffer()));
  if (text === undefined)
    throw new SpillwayError(
      "bad_usage",
      `${file} is not text in UTF-8 or UTF-16. Save it as CSV in UTF-8 and try again.`,
    );
  const bar = progress("importing");
  const answer = await withShop(config, async (parts) => {
    const { settings } = await parts.catalogueStore.read();
    return await importCsv(parts.catalogueStore, settings.currency, text, {
      dryRun: values["dry-run"],
      onImported: (done, of) => bar.show(done, of),
    });
  });
  bar.end();
  for (const { line, column, severity, message } of answer.complaints) {
    print(`${file}:${line}: ${severity}${column === "" ? "" : ` in ${column}`}: ${message}`);
  }
  const listed = answer.complaints.length;
  if (listed < answer.errors + answer.warnings) print(`… and ${answer.errors + answer.warnings - listed} more.`);
  const verb = values["dry-run"] ? "Would import" : "Imported";
  const good = answer.created + answer.updated;
  print(
    values["dry-run"]
      ? `Read ${answer.rows} rows: ${answer.errors} errors, ${answer.warnings} warnings, ${answer.refused} products left out. Nothing was imported (--dry-run).`
      : `${verb} ${good} products (${answer.created} new, ${answer.updated} updated) from ${answer.rows} rows; ${answer.errors} errors, ${answer.warnings} warnings, ${answer.refused} products left out.`,
  );
  return answer.errors > 0 ? 1 : 0;
}
