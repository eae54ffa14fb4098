/**
 * What a merchant is told about a file: every complaint with its line, so that one round of mending is enough. The
 * list is bounded and the count is not: a file of another kind would otherwise fill the memory with complaints.
 */

export type Complaint = {
  /** The line of the file, from 1. */
  readonly line: number;
  /** The column's name as the file writes it; empty when it is about the whole row. */
  readonly column: string;
  /** An error keeps the product out; a warning lets it in and says what was made of it. */
  readonly severity: "error" | "warning";
  readonly message: string;
  /** The product it is about, or null when it is about the file. */
  readonly handle: string | null;
};

/** The most complaints a list holds. */
export const complaintsMax = 1_000;

export class ComplaintList {
  readonly #errors: Complaint[] = [];
  readonly #warnings: Complaint[] = [];
  readonly #remarks = new Map<
    string,
    { line: number; count: number; column: string; say: (count: number) => string }
  >();
  readonly #refused = new Set<string>();
  #errorCount = 0;
  #warningCount = 0;

  add(complaint: Complaint): void {
    const isError = complaint.severity === "error";
    if (isError) this.#errorCount += 1;
    else this.#warningCount += 1;
    const list = isError ? this.#errors : this.#warnings;
    if (list.length < complaintsMax) list.push(complaint);
    if (isError && complaint.handle !== null) this.#refused.add(complaint.handle);
  }

  /** A warning about many rows, given once: at the first of them, with their number. */
  remark(key: string, line: number, column: string, say: (count: number) => string): void {
    const known = this.#remarks.get(key);
    if (known === undefined) this.#remarks.set(key, { line, count: 1, column, say });
    else known.count += 1;
  }

  /** Whether an error was about this product. */
  isRefused(handle: string): boolean {
    return this.#refused.has(handle);
  }

  /** Everything, by line. When there is room for only some, errors go before warnings. */
  summary(): { complaints: Complaint[]; errors: number; warnings: number; refused: number } {
    const remarks = [...this.#remarks.values()].map(({ line, count, column, say }) => {
      return { line, column, severity: "warning" as const, message: say(count), handle: null };
    });
    const listed = [...this.#errors, ...remarks, ...this.#warnings].slice(0, complaintsMax);
    return {
      complaints: listed.sort((a, b) => a.line - b.line),
      errors: this.#errorCount,
      warnings: this.#warningCount + remarks.length,
      refused: this.#refused.size,
    };
  }
}
