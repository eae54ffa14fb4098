/**
 * `${name}` in an experiment becomes a value of its configuration or, failing that, of its secrets; a text that is
 * nothing else takes the value with its type. A name that nobody knows stays as it is, as in Chaos Toolkit.
 */
export type Values = Readonly<Record<string, unknown>>;

export function substitute<Given>(given: Given, values: Values): Given {
  return replaced(given, values) as Given;
}

function replaced(given: unknown, values: Values): unknown {
  if (typeof given === "string") {
    const whole = /^\$(?:\{(\w+)\}|(\w+))$/.exec(given);
    const name = whole?.[1] ?? whole?.[2];
    if (name !== undefined) return Object.hasOwn(values, name) ? values[name] : given;
    return given.replace(/\$\$|\$\{(\w+)\}|\$(\w+)/g, (all: string, braced?: string, bare?: string) => {
      if (all === "$$") return "$";
      const known = braced ?? bare ?? "";
      return Object.hasOwn(values, known) ? String(values[known]) : all;
    });
  }
  if (Array.isArray(given)) return given.map((each) => replaced(each, values));
  if (typeof given !== "object" || given === null) return given;
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, replaced(value, values)]));
}
