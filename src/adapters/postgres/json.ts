/** JSON as jsonb takes it: without the two things that JSON can hold and Postgres cannot, NUL and half a surrogate pair. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "string" ? part.replaceAll("\0", "").toWellFormed() : part,
  );
}
