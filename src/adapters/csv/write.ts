/** Rows to comma-separated text (RFC 4180), row by row, so that a large export streams in bounded memory. */

const needsQuotes = /[",\r\n]/;

/** One row with its line end. A lone empty cell is quoted, or it would read as an empty line. */
export function csvRow(cells: readonly string[]): string {
  if (cells.length === 1 && cells[0] === "") return '""\n';
  return `${cells.map((cell) => (needsQuotes.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
}

/** Every row of a table, as lines of text. */
export function* writeCsv(rows: Iterable<readonly string[]>): Generator<string, void, undefined> {
  for (const row of rows) yield csvRow(row);
}
