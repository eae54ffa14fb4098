/** HTML and XML out of values that were never meant to be markup: every hole of the template is escaped. */

export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Hole = Markup | string | number | readonly Hole[];

export function markup(parts: TemplateStringsArray, ...holes: readonly Hole[]): Markup {
  let out = parts[0] ?? "";
  for (const [index, hole] of holes.entries()) out += written(hole) + (parts[index + 1] ?? "");
  return new Markup(out);
}

export const none = new Markup("");

function written(hole: Hole): string {
  if (hole instanceof Markup) return hole.text;
  if (typeof hole === "string" || typeof hole === "number") return escapeMarkup(String(hole));
  return hole.map(written).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** For text and for values in quotes. Characters that XML 1.0 cannot carry at all become the replacement character. */
export function escapeMarkup(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that XML forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
      .replace(/[&<>"']/g, (char) => entities[char] as string)
  );
}
