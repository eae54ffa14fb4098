/** What no shop expects and every shop is sent: values, texts and bodies that break careless code. */
import fc from "fast-check";

/** Each has broken somebody's parser, database, template or log. */
export const oddTexts: readonly string[] = [
  "",
  " ",
  "\0",
  "a\0b",
  "\ud800",
  "\udc00\ud800",
  "a\udfff",
  "\u202eevil\u202c",
  "\u200b\u200d\ufeff",
  "e\u0301\u0301\u0301",
  "Z\u0351\u036f\u0321a\u0321l\u0322g\u0327o\u0328",
  "👩‍🚀👨‍👩‍👧‍👦",
  "𝕏".repeat(30),
  "ﬃ ǅ İ ß",
  "\u2028\u2029",
  "\r\nSet-Cookie: x=1",
  "line\nline\ttab\u0007\u001b[31m",
  "'; drop table orders; --",
  '"}],"x":{"',
  "{a,b}",
  "\\",
  '\\"',
  "NULL",
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  `$${"{7*7}"}{{7*7}}%{7*7}#{7*7}`,
  "%00%0a%s%n%x",
  "../../../../etc/passwd",
  "__proto__",
  "constructor",
  "toString",
  "true",
  "-0",
  "1e309",
  "٣٤",
  "x".repeat(5000),
  "é".repeat(9000),
];

const oddNumbers = [
  0,
  -0,
  -1,
  1,
  1.5,
  1001,
  1_000_000,
  2 ** 31,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 53,
  -(2 ** 53),
  2 ** 63,
  1e21,
  1e300,
  -1e300,
  Number.MIN_VALUE,
  0.1 + 0.2,
];

export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...oddTexts),
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.string({ unit: "grapheme-composite", maxLength: 20 }),
);

export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: oddText },
  { weight: 4, arbitrary: fc.constantFrom(...oddNumbers) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { length: 1 }, { toJSON: 1 }),
  },
  { weight: 1, arbitrary: fc.array(oddText, { maxLength: 3 }) },
  {
    weight: 1,
    arbitrary: fc.dictionary(fc.constantFrom("__proto__", "sku", "amount", "a/b~c", ""), fc.integer(), { maxKeys: 3 }),
  },
);

type Path = readonly (string | number)[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function changed(value: unknown, path: Path, change: (present: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  // A change before this one has taken the place away.
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === key ? changed(item, rest, change) : item));
  const copy: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const next = name === key ? changed(inner, rest, change) : inner;
    if (next !== gone) copy[name] = next;
  }
  return copy;
}

const gone = Symbol("gone");

/** The value with one to three things about it wrong, or only odd. */
export function broken(value: unknown): fc.Arbitrary<unknown> {
  const paths = pathsOf(value);
  const one = fc.record({
    path: fc.constantFrom(...paths),
    odd: oddValue,
    name: fc.constantFrom("surprise", "__proto__", "Sku", "a/b~c", "\ud800", ""),
    kind: fc.constantFrom("replace", "replace", "replace", "remove", "add", "repeat", "wrap"),
  });
  return fc.array(one, { minLength: 1, maxLength: 3 }).map((changes) =>
    changes.reduce<unknown>(
      (present, { path, odd, name, kind }) =>
        changed(present, path, (inner) => {
          switch (kind) {
            case "remove":
              return path.length === 0 ? odd : gone;
            case "add":
              return typeof inner === "object" && inner !== null && !Array.isArray(inner)
                ? { ...inner, [name]: odd }
                : odd;
            case "repeat":
              return Array.isArray(inner) ? Array(200).fill(inner[0]) : [inner, inner];
            case "wrap":
              return { value: inner };
            default:
              return odd;
          }
        }),
      value,
    ),
  );
}

/** Bodies that are not what they say, from one that is. */
export function brokenBodies(good: string): readonly (readonly [what: string, body: string | Uint8Array])[] {
  const bodies: readonly (readonly [string, string | Uint8Array])[] = [
    ["nothing", ""],
    ["half of it", good.slice(0, good.length >> 1)],
    ["all but its last sign", good.slice(0, -1)],
    ["something behind it", `${good}x`],
    ["twice", good + good],
    ["a single quote", good.replaceAll('"', "'")],
    ["no value", "undefined"],
    ["not a number", "NaN"],
    ["null", "null"],
    ["a number", "1"],
    ["a text", '"order"'],
    ["a list", `[${good}]`],
    ["an empty list", "[]"],
    ["thirty thousand brackets", "[".repeat(30_000)],
    ["thirty thousand objects", '{"a":'.repeat(10_000)],
    ["bytes that are no UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
    ["half a character", new Uint8Array([...Buffer.from('{"a":"'), 0xf0, 0x9f, 0x92, ...Buffer.from('"}')])],
    ["UTF-16", new Uint8Array(Buffer.from(`\ufeff${good}`, "utf16le"))],
    ["a comment", `/* please */ ${good}`],
    ["a form", new URLSearchParams({ body: good }).toString()],
    ["a lone surrogate, escaped", good.replace(/"[^"]*"(?=[,}\]])/, '"\\ud800"')],
    ["NUL, escaped", good.replace(/"[^"]*"(?=[,}\]])/, '"a\\u0000b"')],
    ["a number that no number can be", good.replace(/\d+(?=[,}\]])/, "1e999")],
    ["a number of a thousand digits", good.replace(/\d+(?=[,}\]])/, "9".repeat(1000))],
    ["the prototype", good.replace("{", '{"__proto__":{"admin":true},')],
    ["NUL instead", "\0".repeat(10)],
  ];
  // What could not be broken that way, having no number or no text in it.
  return bodies.filter(([, body]) => body !== good);
}
