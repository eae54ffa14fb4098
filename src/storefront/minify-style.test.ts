/** The sheet is shorter and means the same. */
import { expect, test } from "bun:test";
import { inlineStyle } from "./layout.ts";
import { minifyStyle } from "./minify-style.ts";
import styles from "./styles.css" with { type: "text" };

test("takes out what means nothing and keeps what does", () => {
  expect(minifyStyle("/* a */\n.a > .b,\n.c {\n  color: var(--x);\n  margin: calc(1rem + 2px) 0.5rem;\n}\n")).toBe(
    ".a>.b,.c{color:var(--x);margin:calc(1rem + 2px) .5rem}",
  );
  expect(minifyStyle("@media (min-width: 10rem) {\n  & .a:not(:focus) {\n    top: 0;\n  }\n}")).toBe(
    "@media (min-width:10rem){& .a:not(:focus){top:0}}",
  );
});

test("leaves the house's sheet whole", () => {
  expect(inlineStyle).not.toMatch(/\/\*|\n| {2}/);
  const count = (text: string, what: string) => text.replace(/\/\*[\s\S]*?\*\//g, "").split(what).length;
  for (const what of ["{", "}", "var(", "clamp(", "light-dark("])
    expect(count(inlineStyle, what)).toBe(count(styles, what));
});
