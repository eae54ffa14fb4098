/**
 * What is wrong with a page of ours as markup: the rules of the HTML standard that we could break by hand, and our own:
 * pictures state their size, nothing runs inline, every reference leads somewhere, autofill tokens are real.
 */

const voids = new Set("area base br col embed hr img input link meta source track wbr circle path rect".split(" "));

/** HTML standard, "Autofill": field names that may be used with any control, and those that may name a channel. */
const fieldNames = new Set(
  (
    "name honorific-prefix given-name additional-name family-name honorific-suffix nickname organization-title username " +
    "new-password current-password one-time-code organization street-address address-line1 address-line2 address-line3 " +
    "address-level4 address-level3 address-level2 address-level1 country country-name postal-code cc-name cc-given-name " +
    "cc-additional-name cc-family-name cc-number cc-exp cc-exp-month cc-exp-year cc-csc cc-type transaction-currency " +
    "transaction-amount language bday bday-day bday-month bday-year sex url photo"
  ).split(" "),
);
const contactNames = new Set(
  "tel tel-country-code tel-national tel-area-code tel-local tel-local-prefix tel-local-suffix tel-extension email impp".split(
    " ",
  ),
);

export function autofillIsValid(value: string): boolean {
  if (value === "off" || value === "on") return true;
  const tokens = value.split(" ");
  if (tokens[0]?.startsWith("section-")) tokens.shift();
  if (tokens[0] === "shipping" || tokens[0] === "billing") tokens.shift();
  if (["home", "work", "mobile", "fax", "pager"].includes(tokens[0] ?? "")) {
    tokens.shift();
    return tokens.length === 1 && contactNames.has(tokens[0] ?? "");
  }
  return tokens.length === 1 && (fieldNames.has(tokens[0] ?? "") || contactNames.has(tokens[0] ?? ""));
}

export async function htmlComplaints(markup: string, kind: "page" | "mail" = "page"): Promise<string[]> {
  const complaints: string[] = [];
  const open: string[] = [];
  const ids = new Map<string, number>();
  const references: { to: string; from: string }[] = [];
  const labelled = new Set<string>();
  const fields: { id: string | null; says: string }[] = [];
  const counted = new Map<string, number>();

  await new HTMLRewriter()
    .on("*", {
      element(element) {
        const name = element.tagName;
        const attributes = new Map(element.attributes as Iterable<[string, string]>);
        const says = `<${name}${[...attributes].map(([key, value]) => ` ${key}="${value}"`).join("")}>`;
        const complain = (why: string) => complaints.push(`${why}: ${says.slice(0, 140)}`);
        counted.set(name, (counted.get(name) ?? 0) + 1);
        for (const key of attributes.keys()) {
          if (key.startsWith("on")) complain("an inline handler");
          if (key === "style" && kind === "page") complain("an inline style");
        }
        const id = attributes.get("id");
        if (id !== undefined) {
          if (id === "" || /\s/.test(id)) complain("an id that is none");
          ids.set(id, (ids.get(id) ?? 0) + 1);
        }
        for (const key of ["for", "aria-labelledby", "aria-describedby", "form"]) {
          for (const to of attributes.get(key)?.split(" ") ?? []) references.push({ to, from: says });
        }
        const href = attributes.get("href");
        if (href?.startsWith("#")) references.push({ to: href.slice(1), from: says });
        if (href === "about:invalid") complain("an address that was refused");
        if (name === "a" && open.includes("a")) complain("a link in a link");
        if (name === "form" && open.includes("form")) complain("a form in a form");
        if (name === "p" && open.includes("p")) complain("a paragraph in a paragraph");
        if (
          /^(div|ul|ol|dl|form|section|h[1-6]|p|table|details|fieldset)$/.test(name) &&
          open.some((one) => /^(p|h[1-6]|span|a|b)$/.test(one)) &&
          !(open.at(-1) === "summary")
        )
          complain(`a block in <${open.find((one) => /^(p|h[1-6]|span|a|b)$/.test(one))}>`);
        if (/^(button|a|input|select)$/.test(name) && open.some((one) => one === "button" || one === "a"))
          complain("a control in a control");
        if (name === "li" && !["ul", "ol"].includes(open.at(-1) ?? "")) complain("an item outside of a list");
        if (["ul", "ol"].includes(open.at(-1) ?? "") && name !== "li") complain("not an item in a list");
        if (name === "option" && open.at(-1) !== "select") complain("an option outside of a select");
        if (name === "img") {
          if (!attributes.has("alt")) complain("a picture without alt");
          for (const key of ["width", "height"])
            if (!/^[1-9]\d*$/.test(attributes.get(key) ?? "")) complain(`a picture without ${key}`);
        }
        if (name === "label" && attributes.has("for")) labelled.add(attributes.get("for") ?? "");
        if (/^(input|select|textarea)$/.test(name) && attributes.get("type") !== "hidden") {
          if (!attributes.has("name")) complain("a field without a name");
          if (!attributes.has("aria-label") && !open.includes("label")) fields.push({ id: id ?? null, says });
        }
        const autocomplete = attributes.get("autocomplete");
        if (autocomplete !== undefined && !autofillIsValid(autocomplete)) complain("an autofill token that is none");
        if (name === "button" && open.includes("form") === false && !attributes.has("form"))
          complain("a button that sends nothing");
        if (name === "form" && !attributes.has("action")) complain("a form without an address");
        if (
          name === "script" &&
          !attributes.has("src") &&
          !/^(application\/ld\+json|speculationrules)$/.test(attributes.get("type") ?? "")
        )
          complain("an inline script");
        if (!voids.has(name)) {
          open.push(name);
          element.onEndTag((end) => {
            const last = open.pop();
            if (last !== end.name) complaints.push(`</${end.name}> closes <${last}>`);
          });
        }
      },
    })
    .transform(new Response(markup))
    .text();

  if (open.length > 0) complaints.push(`never closed: ${open.join(" ")}`);
  for (const [id, times] of ids) if (times > 1) complaints.push(`${times} elements have the id ${id}`);
  for (const { to, from } of references) if (!ids.has(to)) complaints.push(`nothing has the id "${to}": ${from}`);
  for (const { id, says } of fields)
    if (id === null || !labelled.has(id)) complaints.push(`a field without a label: ${says}`);
  if (kind === "page") {
    for (const name of ["html", "head", "title", "body", "main", "h1"]) {
      if (counted.get(name) !== 1) complaints.push(`${counted.get(name) ?? 0} <${name}>`);
    }
  }
  if (!markup.startsWith('<!doctype html>\n<html lang="en')) complaints.push("no doctype or language at the start");
  return complaints;
}
