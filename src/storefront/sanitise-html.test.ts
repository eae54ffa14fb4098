/** What a merchant pastes can look odd, but it cannot run, and it cannot close our page's elements. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { vectors } from "./cross-site-vectors.fixture.ts";
import { sanitiseHtml } from "./sanitise-html.ts";

const allowed: Readonly<Record<string, readonly string[]>> = {
  a: ["href", "title", "rel"],
  img: ["src", "alt", "width", "height", "loading"],
  th: ["colspan", "rowspan", "scope"],
  td: ["colspan", "rowspan"],
  ...Object.fromEntries(
    "p br hr strong em small sub sup s u ul ol li blockquote pre code dl dt dd table caption thead tbody tfoot tr h3"
      .split(" ")
      .map((name) => [name, []]),
  ),
};

/** Reads the result with another tokenizer (lol-html) and complains about anything that is not on the list. */
async function complaints(markup: string): Promise<string[]> {
  const found: string[] = [];
  const open: string[] = [];
  await new HTMLRewriter()
    .on("*", {
      element(element) {
        const may = allowed[element.tagName];
        if (may === undefined) found.push(`<${element.tagName}>`);
        for (const [name, value] of element.attributes as Iterable<[string, string]>) {
          if (may?.includes(name) !== true) found.push(`${element.tagName} ${name}`);
          if ((name === "href" || name === "src") && !/^(https?:|mailto:|tel:|sms:|[/?#]|[^:]*$)/i.test(value))
            found.push(`${name}=${value}`);
        }
        if (!["br", "hr", "img"].includes(element.tagName)) {
          open.push(element.tagName);
          element.onEndTag((end) => {
            if (open.pop() !== end.name) found.push(`</${end.name}> out of turn`);
          });
        }
      },
      comments: () => void found.push("a comment"),
    })
    .transform(new Response(markup))
    .text();
  if (open.length > 0) found.push(`never closed: ${open.join(" ")}`);
  const text = markup.replace(/<[^>]*>/g, "");
  if (/[<>]/.test(text)) found.push("a bare angle bracket");
  return found;
}

describe("sanitising a description", () => {
  test("makes every known vector harmless", async () => {
    for (const vector of vectors) {
      const clean = sanitiseHtml(vector);
      expect({ vector, complaints: await complaints(clean) }).toEqual({ vector, complaints: [] });
      expect(clean).not.toMatch(/<[^>]*(onerror|onload|javascript|style)/i);
    }
  });

  test("writes only what is on the list, closed and in order, whatever it is given", async () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom(...vectors),
        fc.constantFrom(
          ...(
            "< > \" ' / = & ; ! - <p> </p> <ul> <li> </li> </ul> <table> <tr> <td> </td> </table> <b> </b> <h1> </h2> " +
            "</a> <div> </div> <br> <svg> <style> </style> <script> </script> <!-- --> <dl> <dt> <dd> <blockquote> &lt; &#60; &colon;"
          ).split(" "),
          " ",
          "<a href=/x>",
          "<img src=/x>",
        ),
        fc.string({ maxLength: 8 }),
      ),
      { maxLength: 24 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, async (some) => {
        const source = some.join("");
        const clean = sanitiseHtml(source);
        expect(await complaints(clean)).toEqual([]);
        expect(sanitiseHtml(clean) as string).toBe(clean);
      }),
      { numRuns: 800 },
    );
  });

  test("keeps what describes a product", () => {
    expect(
      sanitiseHtml(
        '<div class="x"><h1 style="color:red">Vase</h1><p>Thrown <b>by hand</b>, <i>always</i>.<ul><li>One<li>Two</ul><img class="y" src="https://cdn.example/a.jpg" alt="A vase" width="400"><p>See <a href="/help" onclick="x()">help</a> &amp; more &copy;</div>',
      ) as string,
    ).toBe(
      '<h3>Vase</h3><p>Thrown <strong>by hand</strong>, <em>always</em>.</p><ul><li>One</li><li>Two</li></ul><img src="https://cdn.example/a.jpg" alt="A vase" width="400" loading="lazy"><p>See <a href="/help" rel="nofollow noopener">help</a> &amp; more &copy;</p>',
    );
    expect(sanitiseHtml("<table><tr><th scope=col>Size<td colspan=2>L</table>") as string).toBe(
      '<table><tr><th scope="col">Size</th><td colspan="2">L</td></tr></table>',
    );
    expect(sanitiseHtml("5 < 6 & 7 > 3") as string).toBe("5 &lt; 6 &amp; 7 &gt; 3");
  });

  test("takes a bounded time for the worst of texts", () => {
    const begun = process.cpuUsage();
    for (const piece of [
      "<a '",
      '<a "',
      "<",
      "<p",
      "<!--",
      "</",
      "&#",
      "<div>",
      "<li>",
      "<b>",
      "<table>",
      "<script>",
      "<textarea></",
      "<svg></svg",
    ]) {
      sanitiseHtml(piece.repeat(100_000 / piece.length));
    }
    expect(process.cpuUsage(begun).user / 1000).toBeLessThan(4000);
  });
});
