/**
 * One row of a product CSV, asked by what a cell means: an empty cell has its stand-in, a wrong one is told with the
 * row's line and the column's name as the file writes it, and reading goes on.
 */
import type { Complaint, ComplaintList } from "./complaints.ts";
import { type Cell, limits, readLine, unguardFormula } from "./shopify-cells.ts";
import { columnName, type ShopifyField, type ShopifyHeader } from "./shopify-columns.ts";

/** A row of a file as its reader found it; the first one holds the columns' names. */
export type TableRow = {
  /** The line of the file, from 1, on which the row starts. */
  readonly line: number;
  readonly cells: readonly string[];
  /** Why the row could not be read to its end, or null. */
  readonly fault: string | null;
};

export class ShopifyRow {
  readonly line: number;
  readonly cells: readonly string[];
  /** The product the row belongs to, as far as is known: errors of the row keep that product out. */
  handle: string | null = null;
  readonly #header: ShopifyHeader;
  readonly #complaints: ComplaintList;

  constructor(row: TableRow, header: ShopifyHeader, complaints: ComplaintList) {
    this.line = row.line;
    this.cells = row.cells;
    this.#header = header;
    this.#complaints = complaints;
  }

  /** Whether the file has the column at all. */
  has(field: ShopifyField): boolean {
    return this.#header.places.has(field);
  }

  /** The column's name as the file writes it. */
  name(field: ShopifyField): string {
    const place = this.#header.places.get(field);
    return place === undefined ? columnName(field) : (this.#header.written[place] ?? columnName(field));
  }

  /** The cell without the space around it; empty when the file has no such column. */
  cell(field: ShopifyField): string {
    const place = this.#header.places.get(field);
    return place === undefined ? "" : unguardFormula((this.cells[place] ?? "").trim());
  }

  /** The cell's value, or `otherwise` when it is empty or wrong. */
  value<Value, Otherwise>(
    field: ShopifyField,
    read: (text: string) => Cell<Value>,
    otherwise: Otherwise,
  ): Value | Otherwise {
    const text = this.cell(field);
    return text === "" ? otherwise : this.#read(field, read(text), otherwise);
  }

  /** The cell's text on one line; an arrow, so that it can be handed on. */
  readonly text = (field: ShopifyField): string => this.value(field, (text) => readLine(text, limits.text), "");

  /** The cell's value as it was written, outer spaces and all. */
  verbatim(field: ShopifyField, read: (text: string) => Cell<string>): string {
    const place = this.#header.places.get(field);
    return place === undefined ? "" : this.#read(field, read(unguardFormula(this.cells[place] ?? "")), "");
  }

  /** The names of those columns, given by place, that hold something in this row. */
  filled(places: readonly number[]): string[] {
    return places
      .filter((place) => (this.cells[place] ?? "").trim() !== "")
      .map((place) => this.#header.written[place] ?? "");
  }

  error(field: ShopifyField | null, message: string): void {
    this.#complain("error", field === null ? "" : this.name(field), message);
  }

  warn(field: ShopifyField | null, message: string): void {
    this.#complain("warning", field === null ? "" : this.name(field), message);
  }

  /** A warning that is given once for all rows it is true of. */
  remark(column: string, say: (count: number) => string): void {
    this.#complaints.remark(column, this.line, column, say);
  }

  #read<Value, Otherwise>(field: ShopifyField, answer: Cell<Value>, otherwise: Otherwise): Value | Otherwise {
    if (answer.ok) return answer.value;
    this.error(field, answer.reason);
    return otherwise;
  }

  #complain(severity: Complaint["severity"], column: string, message: string): void {
    this.#complaints.add({ line: this.line, column, severity, message, handle: this.handle });
  }
}

/** "1 row", "2 rows". */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
