/** Takes something out of an answer: by JSON pointer (RFC 6901), by field, or by a regular expression over the body. */
import type { RehearsalStep } from "#contract/rehearsal-plan.ts";
import type { Answer } from "../ports.ts";

export type Extract = RehearsalStep["extract"][number];
export type Extractor = {
  readonly name: string;
  /** Undefined: it is not there. */
  take(answer: Answer, body: () => unknown): string | undefined;
};

export function extractorOf({ name, json, header, pattern }: Extract): Extractor {
  if (json !== undefined) return { name, take: (_answer, body) => asText(valueAt(body(), json)) };
  if (header !== undefined) {
    const field = header.toLowerCase();
    return { name, take: (answer) => answer.field(field) };
  }
  const expression = new RegExp(pattern ?? "");
  return {
    name,
    take(answer) {
      const found = expression.exec(answer.text());
      return found === null ? undefined : (found[1] ?? found[0]);
    },
  };
}

/** The value at a JSON pointer; undefined when there is none. */
export function valueAt(value: unknown, pointer: string): unknown {
  let at = value;
  for (const name of pointer.split("/").slice(1)) {
    if (typeof at !== "object" || at === null) return undefined;
    const key = name.replaceAll("~1", "/").replaceAll("~0", "~");
    at = Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined;
  }
  return at;
}

/** Objects and lists as JSON; what is not there, and null, is nothing. */
export function asText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The body as JSON, read at most once; undefined when it is none. */
export function jsonOf(answer: Answer): () => unknown {
  let value: unknown;
  let isRead = false;
  return () => {
    if (isRead) return value;
    isRead = true;
    try {
      value = JSON.parse(answer.text());
    } catch {
      value = undefined;
    }
    return value;
  };
}
