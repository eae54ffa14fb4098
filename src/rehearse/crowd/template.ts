/**
 * Texts with gaps: {{name}} stands for a column of the journey's data, for what an earlier step took out of its answer, or
 * for one of the words below. Each place of a request writes values in its own way, so that none can break out of it.
 */

/** Words that every journey knows. */
export const ownWords: Readonly<Record<string, string>> = {
  uuid: "a new UUID for each step of each shopper; the same when that step is asked again",
  number: "the shopper's number in this run, from 1",
  run: "a short text that no other run has",
  address: "an address of the shopper's own within 10.0.0.0/8, for X-Forwarded-For where the target believes it",
};

export const addressOf = (number: number): string =>
  `10.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;

export type Template = {
  /** One more text than names: text, value, text, value, … text. */
  readonly texts: readonly string[];
  readonly names: readonly string[];
};

export function parseTemplate(text: string): Template {
  const texts: string[] = [];
  const names: string[] = [];
  let from = 0;
  for (const match of text.matchAll(/\{\{\s*([a-zA-Z][\w-]*)\s*\}\}/g)) {
    texts.push(text.slice(from, match.index));
    names.push(match[1] as string);
    from = match.index + match[0].length;
  }
  texts.push(text.slice(from));
  return { texts, names };
}

export function fill(template: Template, values: { value(name: string): string }, write: Writer): string {
  let text = template.texts[0] as string;
  for (let at = 0; at < template.names.length; at++)
    text += write(values.value(template.names[at] as string)) + template.texts[at + 1];
  return text;
}

export type Writer = (value: string) => string;

/** Into a path or query: what may not stand in a request's first line is encoded; an address that was extracted stays one. */
export const intoPath: Writer = (value) => value.replace(/[^\x21-\x7e]|["<>\\^`{|}#]/gu, encodeURIComponent);
/** Into a field: nothing that could end it. */
export const intoField: Writer = (value) => value.replace(/[^\t\x20-\x7e]/g, "?");
/** Into a text within JSON. */
export const intoJson: Writer = (value) => JSON.stringify(value).slice(1, -1);
export const intoForm: Writer = (value) => encodeURIComponent(value);
export const asItIs: Writer = (value) => value;
