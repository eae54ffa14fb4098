/** What a client would rather have, by its Accept and Accept-Encoding fields (RFC 9110, 12.5). */
import type { Fields } from "../ports.ts";
import type { Coding } from "./ports.ts";

type Wish = { readonly name: string; readonly weight: number };

const wishesMax = 64;

/** "text/html;level=1;q=0.5, …" as names with weights. A weight that is no number counts as none given. */
function wishes(field: string): Wish[] {
  return field
    .split(",", wishesMax)
    .map((member) => {
      const [name = "", ...parameters] = member.split(";").map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => /^q\s*=/.test(parameter))?.replace(/^q\s*=\s*/, "");
      return { name, weight: weight !== undefined && /^(?:0(?:\.\d*)?|1(?:\.0*)?)$/.test(weight) ? Number(weight) : 1 };
    })
    .filter(({ name }) => name !== "");
}

/** The best of what is there; undefined when the client refuses all of it. The first of equals is taken. */
export function chooseCoding(acceptEncoding: string | null, codings: readonly Coding[]): Coding | undefined {
  if (acceptEncoding === null) return codings.includes("identity") ? "identity" : codings[0];
  const given = wishes(acceptEncoding);
  const weightOf = (coding: Coding): number => {
    const named = given.find(({ name }) => name === coding || (coding === "gzip" && name === "x-gzip"));
    if (named !== undefined) return named.weight;
    const any = given.find(({ name }) => name === "*");
    // Not named, the identity is acceptable, and worth less than anything that was asked for.
    return coding === "identity" ? (any?.weight === 0 ? 0 : 0.0001) : (any?.weight ?? 0);
  };
  let best: Coding | undefined;
  for (const coding of codings) {
    if (weightOf(coding) > (best === undefined ? 0 : weightOf(best))) best = coding;
  }
  return best;
}

export type Form = "html" | "json" | "text";

/** How an error is told: a page for people, problem details (RFC 9457) for programs, one line where neither fits. */
export function chooseForm(headers: Fields, path: string): Form {
  const accept = headers.get("accept");
  if (accept === null || accept === "" || accept === "*/*") return byOtherSigns(headers, path);
  const given = wishes(accept);
  const html = wanted(given, ["text/html"]);
  const json = wanted(given, ["application/problem+json", "application/json"]);
  if (html.weight === 0 && json.weight === 0) return "text";
  if (html.weight !== json.weight) return html.weight > json.weight ? "html" : "json";
  if (html.exactness !== json.exactness) return html.exactness > json.exactness ? "html" : "json";
  return byOtherSigns(headers, path);
}

/** The best weight among types, each by the most exact range that takes it: the type, "text/*", then any. */
function wanted(given: readonly Wish[], types: readonly string[]): { weight: number; exactness: number } {
  let best = { weight: 0, exactness: 0 };
  for (const type of types) {
    const ranges = ["*/*", `${type.slice(0, type.indexOf("/"))}/*`, type];
    for (let exactness = 2; exactness >= 0; exactness--) {
      const wish = given.find(({ name }) => name === ranges[exactness]);
      if (wish === undefined) continue;
      if (wish.weight > best.weight || (wish.weight === best.weight && wish.weight > 0 && exactness > best.exactness))
        best = { weight: wish.weight, exactness };
      break;
    }
  }
  return best;
}

/** A client that takes anything: one that sent JSON or asks an API reads it, and a page is of no use to a picture. */
function byOtherSigns(headers: Fields, path: string): Form {
  if (path.startsWith("/api/")) return "json";
  if (/^application\/(?:[\w.-]+\+)?json\b/i.test(headers.get("content-type") ?? "")) return "json";
  switch (headers.get("sec-fetch-dest")) {
    case null:
    case "document":
    case "iframe":
    case "frame":
      return "html";
    case "empty":
      return "json";
    default:
      return "text";
  }
}
