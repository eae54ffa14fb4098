/** What the tools share: arguments with complaints in plain words, tables, and progress on long work. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { SpillwayError } from "#kernel/error.ts";

export function args<Options extends NonNullable<ParseArgsConfig["options"]>>(given: string[], options: Options) {
  try {
    return parseArgs({ args: given, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new SpillwayError(
      "bad_usage",
      `${error instanceof Error ? error.message.split(". ")[0] : String(error)}. See --help.`,
    );
  }
}

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = rows[0]?.map((_cell, column) => Math.max(...rows.map((row) => (row[column] ?? "").length))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A bar that is drawn again in place; silent when nobody watches. */
export function progress(label: string): { show(done: number, of: number): void; end(): void } {
  const live = process.stderr.isTTY === true;
  let shownAtMs = 0;
  return {
    show(done, of) {
      const nowMs = performance.now();
      if (!live || (done < of && nowMs - shownAtMs < 100)) return;
      shownAtMs = nowMs;
      const share = of === 0 ? 1 : done / of;
      const filled = Math.round(share * 30);
      process.stderr.write(
        `\r${label} [${"█".repeat(filled)}${"·".repeat(30 - filled)}] ${done.toLocaleString("en")} of ${of.toLocaleString("en")} `,
      );
    },
    end() {
      if (live && shownAtMs > 0) process.stderr.write("\r\u001b[K");
    },
  };
}
