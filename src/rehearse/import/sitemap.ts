/**
 * The addresses of a sitemap as people who look around: one journey for each kind of page (the first part of the path), as
 * often as there are such pages. Which page a shopper sees comes from a data file, so that no cache is flattered by one page.
 */
import { csvLine, type Imported, journeyOf, journeysMax, planOf, refuse, stepOf } from "./imported.ts";

const kindsShown = 20;

export function importSitemap(addresses: readonly string[]): Imported {
  const urls = addresses.filter((address) => URL.canParse(address)).map((address) => new URL(address));
  const [first] = urls;
  if (first === undefined) refuse("The sitemap names no address.");
  const notes: string[] = [];
  const own = urls.filter(({ origin }) => origin === first.origin);
  if (own.length < urls.length) notes.push(`${urls.length - own.length} addresses of other hosts are left out.`);
  const kinds = new Map<string, string[]>();
  for (const url of own) {
    const [part = ""] = url.pathname.split("/").filter((candidate) => candidate !== "");
    const deep = url.pathname.split("/").filter((candidate) => candidate !== "").length > 1;
    const kind = deep ? part : "pages";
    kinds.set(kind, [...(kinds.get(kind) ?? []), url.pathname + url.search]);
  }
  const sorted = [...kinds].sort(([, a], [, b]) => b.length - a.length);
  const few = sorted.slice(0, Math.min(kindsShown, journeysMax));
  const rest = sorted.slice(few.length).flatMap(([, pages]) => pages);
  if (rest.length > 0) few.push(["other", rest]);
  const files: { file: string; text: string }[] = [];
  const journeys = few.map(([kind, pages]) => {
    const file = `pages-${
      kind
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .slice(0, 40) || "other"
    }-${files.length + 1}.csv`;
    files.push({ file, text: `path\n${pages.map((page) => `${csvLine([page])}\n`).join("")}` });
    return journeyOf(kind, [stepOf({ name: kind, path: "{{path}}" })], {
      weight: pages.length,
      data: { file, order: "random" },
    });
  });
  notes.push("A sitemap does not say what is looked at how often: each page counts once. An access log knows better.");
  return { plan: planOf({ name: `pages of ${first.host}`, url: first.origin, journeys }), notes, files };
}
