/**
 * Reads the object literal behind `options =` in a script without running any of it. What is a literal is read (JSON, names
 * without quotes, comments, trailing commas, sums and products of numbers); what would have to be computed is left out and
 * said.
 */

export type Literal = string | number | boolean | null | readonly Literal[] | { readonly [name: string]: Literal };

export function optionsLiteral(script: string): { value: Literal; unread: readonly string[] } | undefined {
  const start = /(?:\b(?:const|let|var)\s+options\b|\bexports\.options\b)[^={;]*=\s*/.exec(blankComments(script));
  if (start === null) return undefined;
  const reader = createReader(blankComments(script), start.index + start[0].length);
  const value = reader.value("options");
  return value === undefined ? undefined : { value, unread: reader.unread };
}

/** Comments become spaces, so that places stay; strings are passed over. */
function blankComments(script: string): string {
  return script.replace(
    /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (found) => (found.startsWith("/") ? found.replace(/[^\n]/g, " ") : found),
  );
}

const depthMax = 50;

function createReader(text: string, from: number) {
  let at = from;
  const unread: string[] = [];
  const skipSpace = () => {
    while (/\s/.test(text[at] ?? "")) at += 1;
  };
  const takes = (char: string): boolean => {
    skipSpace();
    if (text[at] !== char) return false;
    at += 1;
    return true;
  };

  /** Up to the comma or bracket that ends a member, whatever is nested before it. */
  const skipMember = (path: string) => {
    const begin = at;
    let open = 0;
    for (; at < text.length; at += 1) {
      const char = text[at] as string;
      const string = /^(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`)/.exec(
        text.slice(at, at + 10_000),
      );
      if (string !== null) at += string[0].length - 1;
      else if ("([{".includes(char)) open += 1;
      else if (open === 0 && ",)]};".includes(char)) break;
      else if (")]}".includes(char)) open -= 1;
    }
    unread.push(`${path}: ${text.slice(begin, at).trim().replace(/\s+/g, " ").slice(0, 60)}`);
  };

  const value = (path: string, depth = 0): Literal | undefined => {
    skipSpace();
    const begin = at;
    const found = depth > depthMax ? undefined : primary(path, depth);
    skipSpace();
    // `as const`, `satisfies Options` and the like add nothing to the value.
    const cast = /^(?:as|satisfies)\s+[\w.<>]+/.exec(text.slice(at, at + 100));
    if (cast !== null) at += cast[0].length;
    skipSpace();
    if (found !== undefined && (at >= text.length || ",)]};".includes(text[at] as string) || depth === 0)) return found;
    at = begin;
    skipMember(path);
    return undefined;
  };

  const primary = (path: string, depth: number): Literal | undefined => {
    if (takes("{")) return object(path, depth);
    if (takes("[")) return list(path, depth);
    const rest = text.slice(at, at + 10_000);
    const string = /^"((?:[^"\\\n]|\\.)*)"|^'((?:[^'\\\n]|\\.)*)'|^`((?:[^`\\$]|\\.)*)`/.exec(rest);
    if (string !== null) {
      at += string[0].length;
      return (string[1] ?? string[2] ?? string[3] ?? "").replace(
        /\\(.)/g,
        (_whole, char: string) => ({ n: "\n", t: "\t" })[char] ?? char,
      );
    }
    const sum = /^-?[\d._]+(?:e[+-]?\d+)?(?:\s*[*+/-]\s*[\d._]+)*/i.exec(rest);
    if (sum !== null) {
      at += sum[0].length;
      return arithmetic(sum[0]);
    }
    const word = /^(?:true|false|null)\b/.exec(rest);
    if (word === null) return undefined;
    at += word[0].length;
    return word[0] === "null" ? null : word[0] === "true";
  };

  const object = (path: string, depth: number): Literal => {
    const members: [string, Literal][] = [];
    while (at < text.length && !takes("}")) {
      skipSpace();
      const key = /^(?:"([^"\n]*)"|'([^'\n]*)'|([\w$]+))\s*:/.exec(text.slice(at, at + 1000));
      const begin = at;
      if (key === null) skipMember(path);
      else {
        at += key[0].length;
        const name = key[1] ?? key[2] ?? key[3] ?? "";
        const member = value(`${path}.${name}`, depth + 1);
        if (member !== undefined) members.push([name, member]);
      }
      takes(",");
      if (at === begin) at += 1;
    }
    return Object.fromEntries(members);
  };

  const list = (path: string, depth: number): Literal => {
    const members: Literal[] = [];
    while (at < text.length && !takes("]")) {
      const begin = at;
      const member = value(`${path}[${members.length}]`, depth + 1);
      if (member !== undefined) members.push(member);
      takes(",");
      if (at === begin) at += 1;
    }
    return members;
  };

  return { value, unread };
}

/** Products before sums, as anywhere. */
function arithmetic(text: string): number {
  const number = (part: string) => Number(part.replaceAll("_", ""));
  const terms = text.replace(/\s+/g, "").match(/^-?[^+-]+(?:e[+-]\d+)?|[+-][^+-]+/gi) ?? [];
  return terms.reduce((sum, term) => {
    const sign = term.startsWith("-") ? -1 : 1;
    const [first = "", ...rest] = term.replace(/^[+-]/, "").split(/(?=[*/])/);
    return (
      sum +
      sign *
        rest.reduce(
          (product, factor) =>
            factor[0] === "*" ? product * number(factor.slice(1)) : product / number(factor.slice(1)),
          number(first),
        )
    );
  }, 0);
}
