/**
 * Comma-separated text to rows (RFC 4180), lazily, so that whoever reads fifty thousand rows can pause between them
 * and the shop goes on serving. It knows nothing of products.
 *
 * Own code rather than csv-parse, because a merchant needs every fault with its line, and csv-parse 7.0.3 counts a
 * CRLF inside quotes as two lines and drops the sound rows after a broken one. csv-parse is the judge in the test.
 */

export type CsvRow = {
  /** The line of the file, from 1, on which the row starts. */
  readonly line: number;
  readonly cells: readonly string[];
  /** What is wrong with the row's quoting, in words for the merchant; `cells` then ends before the fault. */
  readonly fault: string | null;
};

/** A quoted cell longer than this is taken for a quote that nobody closed. Shopify's longest field has 512 kB. */
const cellLengthMax = 1_048_576;
/** Past this many broken rows it is another kind of file: reading stops with a fault that says so. */
const faultsMax = 1_000;

const quote = 34;
const comma = 44;
const lineFeed = 10;
const carriageReturn = 13;

/**
 * Yields every row; empty lines are left out. Accepts a byte order mark and LF, CRLF or CR ends, mixed.
 * After a fault reading goes on at the line after the one where the faulty cell opened, so that a quote nobody
 * closed costs its own row and not the rest of the file.
 */
export function* readCsv(text: string): Generator<CsvRow, void, undefined> {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let line = 1;
  let faults = 0;
  while (at < text.length) {
    const startLine = line;
    const cells: string[] = [];
    let fault: string | null = null;
    for (;;) {
      if (text.charCodeAt(at) === quote) {
        const cell = readQuoted(text, at);
        if (typeof cell === "string") {
          fault = cell;
          at = endOfLine(text, at);
          break;
        }
        cells.push(cell.value);
        at = cell.end;
        line += cell.lineBreaks;
      } else {
        const end = endOfCell(text, at);
        const value = text.slice(at, end);
        if (value.includes('"')) {
          fault = "a quote stands inside a cell without quotes: put the cell in quotes and double the inner ones";
          at = endOfLine(text, at);
          break;
        }
        cells.push(value);
        at = end;
      }
      if (text.charCodeAt(at) !== comma) break;
      at += 1;
    }
    if (text.charCodeAt(at) === carriageReturn) at += text.charCodeAt(at + 1) === lineFeed ? 2 : 1;
    else if (at < text.length) at += 1;
    line += 1;
    if (fault !== null) {
      faults += 1;
      if (faults === faultsMax) {
        yield { line: startLine, cells: [], fault: `${faultsMax} rows are broken: nothing after this one was read` };
        return;
      }
      yield { line: startLine, cells, fault };
    } else if (cells.length > 1 || cells[0] !== "") yield { line: startLine, cells, fault: null };
  }
}

/** The end of an unquoted cell: the next comma or line break. */
function endOfCell(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === comma || code === lineFeed || code === carriageReturn) break;
  }
  return at;
}

function endOfLine(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === lineFeed || code === carriageReturn) break;
  }
  return at;
}

/** Reads the quoted cell that opens at `from`; a string is the fault. */
function readQuoted(text: string, from: number): { value: string; end: number; lineBreaks: number } | string {
  let value = "";
  let start = from + 1;
  for (;;) {
    const close = text.indexOf('"', start);
    if (close === -1 || close - from > cellLengthMax) return "a quote opens here and nothing closes it";
    value += text.slice(start, close);
    const next = text.charCodeAt(close + 1);
    if (next === quote) {
      value += '"';
      start = close + 2;
      continue;
    }
    const ends = Number.isNaN(next) || next === comma || next === lineFeed || next === carriageReturn;
    if (!ends) return "text follows a closing quote: double the quotes inside the cell, or a quote is missing";
    return { value, end: close + 1, lineBreaks: countLineBreaks(value) };
  }
}

function countLineBreaks(value: string): number {
  let count = 0;
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if (code === lineFeed) count += 1;
    else if (code === carriageReturn && value.charCodeAt(at + 1) !== lineFeed) count += 1;
  }
  return count;
}

/**
 * The text of a file's bytes: UTF-8, or UTF-16 when its mark says so (Excel's "Unicode text"). Undefined when it is
 * neither: a file in an old code page would turn every é into another sign, silently.
 */
export function csvText(bytes: Uint8Array): string | undefined {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
