/**
 * Turns a tagged template into HTML that no value can break out of. What escaping a hole needs depends on where it
 * stands, so the static parts are read once, by the states of the HTML tokenizer, and every hole gets a context:
 *
 * - text: `<p>${value}</p>`. Strings are escaped; `Html` and arrays go in as they are; null, undefined and booleans are nothing.
 * - attribute: `class="card ${value}"`. Escaped; an array is joined by spaces, its empty members dropped.
 * - managed attribute: `checked=${value}`, with no quotes: true writes the bare name, false, null and undefined leave
 *   the attribute out, anything else is quoted and escaped.
 * - address (`href`, `src`, `action` …): a hole at the start may only name a safe scheme or be relative; a hole further
 *   on is percent-encoded as one component, so that a handle or SKU cannot add a path step or a query field.
 *
 * A hole anywhere else (tag names, script, style, comments, event handlers, `style`) is a mistake of ours and throws when
 * the template is first used. A template must also end where it began, outside of any tag.
 */

/** Text that is HTML already. Only this file makes it. */
export class Html {
  readonly #text: string;
  constructor(key: typeof maker, text: string) {
    if (key !== maker) throw new TypeError("Html is made by the html tag");
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}
const maker = Symbol();

/** HTML that `sanitiseHtml` has gone over. */
export type SanitisedHtml = string & { readonly sanitised: unique symbol };

export type HtmlValue = Html | string | number | boolean | null | undefined | readonly HtmlValue[];

type Hole = {
  readonly kind: "text" | "attribute" | "address" | "component" | "managed" | "managed-address";
  /** The attribute's, when the hole manages it whole. */
  readonly name: string;
};
type Compiled = { readonly parts: readonly string[]; readonly holes: readonly Hole[] };

const compiled = new WeakMap<TemplateStringsArray, Compiled>();

export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let template = compiled.get(strings);
  if (template === undefined) {
    template = compile(strings);
    compiled.set(strings, template);
  }
  const { parts, holes } = template;
  let out = parts[0] as string;
  for (let index = 0; index < values.length; index += 1) {
    const hole = holes[index] as Hole;
    const value = values[index];
    if (hole.kind === "text") out += text(value);
    else if (hole.kind === "attribute") out += escapeHtml(plain(value));
    else if (hole.kind === "address") out += escapeHtml(safeAddress(plain(value)));
    else if (hole.kind === "component") out += escapeHtml(encodeURIComponent(plain(value).toWellFormed()));
    else if (value === true) out += ` ${hole.name}`;
    else if (value !== false && value !== null && value !== undefined) {
      const written = hole.kind === "managed" ? plain(value) : safeAddress(plain(value));
      out += ` ${hole.name}="${escapeHtml(written)}"`;
    }
    out += parts[index + 1] as string;
  }
  return new Html(maker, out);
}

/** Takes sanitised HTML in as it is. */
export function raw(sanitised: SanitisedHtml): Html {
  return new Html(maker, sanitised);
}

/** A data block (`<script type="application/ld+json">`): nothing in it can end the element, and nothing in it runs. */
export function jsonData(type: "application/ld+json" | "application/json", data: unknown): Html {
  const body = JSON.stringify(data).replace(/[<>&\u2028\u2029]/g, (char) => unicodeEscape(char));
  return new Html(maker, `<script type="${type}">${body}</script>`);
}

/**
 * Text of ours that goes into `<style>` or `<script>` word for word, so that its hash in the content security policy
 * holds. It must be a constant: never give it anything that came from outside.
 */
export function constantElement(name: "style" | "script", attributes: "" | `type="${string}"`, body: string): Html {
  if (/<\/(?:style|script)|<!--/i.test(body)) throw new TypeError(`This text would end its <${name}> early`);
  return new Html(maker, `<${name}${attributes === "" ? "" : ` ${attributes}`}>${body}</${name}>`);
}

const unicodeEscape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;

const special = /[&<>"']/;
const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes for text and for attribute values in quotes. */
export function escapeHtml(value: string): string {
  return special.test(value) ? value.replace(/[&<>"']/g, (char) => entities[char] as string) : value;
}

const safeScheme = /^(?:https?|mailto|tel|sms):/i;

/** The address, or `about:invalid` when its scheme could run something or carry a document of its own. */
export function safeAddress(value: string): string {
  // Browsers drop tabs and line ends anywhere in an address, and controls and spaces before it, so "java\nscript:" counts.
  const bare = value.replace(/[\t\n\r]/g, "").replace(/^[^\u0021-\u{10ffff}]+/u, "");
  return !/^[a-z][a-z0-9+.-]*:/i.test(bare) || safeScheme.test(bare) ? value : "about:invalid";
}

function text(value: HtmlValue): string {
  if (typeof value === "string") return escapeHtml(value);
  if (value instanceof Html) return value.toString();
  if (typeof value === "number") return String(value);
  if (value === null || value === undefined || typeof value === "boolean") return "";
  let out = "";
  for (const member of value) out += text(member);
  return out;
}

function plain(value: HtmlValue): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined || typeof value === "boolean") return "";
  if (value instanceof Html) throw new TypeError("HTML cannot go into an attribute");
  if (typeof value === "number") return String(value);
  return value
    .map(plain)
    .filter((member) => member !== "")
    .join(" ");
}

const addressAttributes = new Set(
  "href src action formaction poster cite data background ping manifest xlink:href".split(" "),
);
/** Elements whose content is not markup, where escaping means something else or nothing. */
const rawElements = new Set("script style iframe xmp noembed noframes plaintext".split(" "));

/** Where the reader stands between two characters of the static parts. */
type State = "text" | "tag-name" | "in-tag" | "name" | "value-start" | "quoted" | "unquoted" | "comment" | "raw";

function compile(strings: TemplateStringsArray): Compiled {
  const parts: string[] = [];
  const holes: Hole[] = [];
  let state = "text" as State;
  let tag = "";
  let attribute = "";
  /** Names of the attributes that the open tag has so far. */
  let seen: string[] = [];
  let quote = "";
  /** Whether the quoted value has anything in it yet. */
  let begun = false;
  let rawEnd = "";

  const refuse = (why: string): never => {
    throw new TypeError(`${why}: ${strings.join("…").trim().slice(0, 120)}`);
  };
  const closeTag = () => {
    state = rawElements.has(tag) ? "raw" : "text";
    rawEnd = `</${tag}`;
    seen = [];
  };

  for (let index = 0; index < strings.length; index += 1) {
    // Indentation is for us, not for the wire.
    let part = (strings[index] as string).replace(/\s*\n\s*/g, "\n");
    for (let at = 0; at < part.length; at += 1) {
      const char = part[at] as string;
      if (state === "text") {
        if (part.startsWith("<!--", at)) {
          state = "comment";
          at += 3;
        } else if (char === "<" && /[a-z/!]/i.test(part[at + 1] ?? "")) {
          state = "tag-name";
          tag = "";
        } else if (char === "<") refuse("A bare < must be written &lt;");
      } else if (state === "comment") {
        if (part.startsWith("-->", at)) {
          state = "text";
          at += 2;
        }
      } else if (state === "raw") {
        if (part.slice(at, at + rawEnd.length).toLowerCase() === rawEnd) {
          state = "tag-name";
          tag = "";
        }
      } else if (state === "tag-name") {
        if (char === ">") closeTag();
        else if (/\s/.test(char)) state = "in-tag";
        else tag += char.toLowerCase();
      } else if (state === "in-tag") {
        if (char === ">") closeTag();
        else if (!/[\s/]/.test(char)) {
          state = "name";
          attribute = char.toLowerCase();
        }
      } else if (state === "name") {
        if (char === "=") state = "value-start";
        else if (char === ">" || /\s/.test(char)) {
          seen.push(attribute);
          if (char === ">") closeTag();
          else state = "in-tag";
        } else attribute += char.toLowerCase();
      } else if (state === "value-start") {
        seen.push(attribute);
        begun = false;
        if (char === '"' || char === "'") {
          state = "quoted";
          quote = char;
        } else if (/[\s>]/.test(char)) refuse("An attribute has no value");
        else state = "unquoted";
      } else if (state === "quoted") {
        if (char === quote) state = "in-tag";
        else begun = true;
      } else if (state === "unquoted") {
        if (char === ">") closeTag();
        else if (/\s/.test(char)) state = "in-tag";
      }
    }
    if (index === strings.length - 1) {
      if (state !== "text") refuse("A template must end outside of a tag");
    } else {
      if (state === "text") holes.push({ kind: "text", name: "" });
      else if (state === "quoted" || state === "value-start") {
        if (/^on|^(style|srcset|imagesrcset|http-equiv)$/.test(attribute)) refuse(`No hole may stand in ${attribute}`);
        if (attribute === "content" && seen.includes("http-equiv")) refuse("No hole may stand in a meta instruction");
        if (attribute === "srcdoc" && !seen.includes("sandbox")) refuse("srcdoc needs sandbox before it");
        const address = addressAttributes.has(attribute);
        if (state === "quoted") {
          holes.push({ kind: !address ? "attribute" : begun ? "component" : "address", name: "" });
          begun = true;
        } else {
          // The attribute's name was written with the static part; whether it stays is decided by the value.
          part = part.slice(0, part.length - attribute.length - 1).trimEnd();
          holes.push({ kind: address ? "managed-address" : "managed", name: attribute });
          seen.push(attribute);
          state = "in-tag";
          if (!/^[\s/>]/.test(strings[index + 1] as string)) refuse("A value without quotes must be the whole value");
        }
      } else refuse("No hole may stand here");
    }
    parts.push(part);
  }
  return { parts, holes };
}
