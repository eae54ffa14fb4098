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

export type ComplaintList = {
  add(complaint: Complaint): void;
  /** By line. Errors go before warnings when there is room for only some. */
  listed(): Complaint[];
  counted(): { readonly errors: number; readonly warnings: number };
};

export function complaintList(): ComplaintList {
  const errors: Complaint[] = [];
  const warnings: Complaint[] = [];
  let errorCount = 0;
  let warningCount = 0;
  return {
    add(complaint) {
      if (complaint.severity === "error") {
        errorCount += 1;
        if (errors.length < complaintsMax) errors.push(complaint);
      } else {
        warningCount += 1;
        if (warnings.length < complaintsMax) warnings.push(complaint);
      }
    },
    listed: () => [...errors, ...warnings].slice(0, complaintsMax).sort((a, b) => a.line - b.line),
    counted: () => ({ errors: errorCount, warnings: warningCount }),
  };
}
