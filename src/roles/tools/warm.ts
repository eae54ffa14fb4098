/**
 * `spillway warm`: asks the edge for each page before the crowd does, so that the crowd finds it in the cache. What the
 * origin has to answer is paced; what the edge had already costs nothing and does not count.
 */
import { SpillwayError } from "#kernel/error.ts";
import {
  addressOption,
  assetsOf,
  createFetcher,
  createPace,
  listComplaints,
  numberOption,
  pagesFromFile,
  pagesFromSitemap,
  reason,
  withHands,
} from "./site-pages.ts";
import { args, print, progress, table } from "./terminal.ts";

export const warmHelp = `Asks the edge for each page in each encoding, so that it is in the cache before the crowd comes. What was there already
does not count against the rate; what the cache did is read from Cache-Status.

  --sitemap URL      a sitemap or an index of them, packed or not; read through the edge
  --urls FILE        one address a line, "-" for standard input
  --edge URL         the edge (http://127.0.0.1:8000); the addresses keep their own host name
  --rate N           most requests a second that reach the origin (20)
  --concurrency N    most requests at once (8)
  --assets           the sheets, scripts and pictures that the pages name, too
  --encodings LIST   an Accept-Encoding for each variant, with "/" between ("gzip, deflate, br, zstd/gzip")

  bin/spillway warm --sitemap https://shop.example/sitemap.xml --rate 50
  bin/spillway warm --urls pages.txt --edge https://edge-1.shop.example --assets

Exit code 0: all answered. 1: some were not. 2: wrong usage.`;

const usage = "usage: bin/spillway warm --sitemap URL | --urls FILE [--edge URL] [--rate N]. See --help";
const bodyMaxBytes = 64 * 1024 * 1024;
const assetsMax = 100_000;
/** As browsers ask, and as what is not a browser asks most. */
const encodingsByDefault = "gzip, deflate, br, zstd/gzip";

export async function warmTool(given: string[]): Promise<number> {
  if (given.includes("--help") || given.includes("-h")) {
    print(warmHelp);
    return 0;
  }
  const { values, positionals } = args(given, {
    urls: { type: "string" },
    sitemap: { type: "string" },
    edge: { type: "string" },
    rate: { type: "string" },
    concurrency: { type: "string" },
    assets: { type: "boolean" },
    encodings: { type: "string" },
  });
  if (positionals.length > 0 || (values.urls === undefined) === (values.sitemap === undefined))
    throw new SpillwayError("bad_usage", usage);
  const edge = addressOption("edge", values.edge) ?? new URL("http://127.0.0.1:8000");
  const sitemap = addressOption("sitemap", values.sitemap);
  const pace = createPace(numberOption("rate", values.rate, 20, 0.01, 100_000));
  const hands = Math.floor(numberOption("concurrency", values.concurrency, 8, 1, 256));
  const encodings = (values.encodings ?? encodingsByDefault).split("/").map((text) => text.trim());
  const fetcher = createFetcher({ agent: "spillway-warm", through: edge, timeoutMs: 60_000, bodyMaxBytes });

  const list =
    sitemap === undefined ? await pagesFromFile(values.urls ?? "-", edge) : await pagesFromSitemap(sitemap, fetcher);
  const failures: string[] = [...list.complaints];
  const wanted = [...list.pages];
  const seen = new Set(wanted.map(({ href }) => href));
  const tally = new Map<string, number>();
  const unkept: string[] = [];
  const bar = progress("warm");
  let done = 0;

  await withHands(wanted, hands, async (url) => {
    for (const [index, encoding] of encodings.entries()) {
      await pace.turn();
      try {
        const { status, headers, body } = await fetcher(url, {
          "accept-encoding": encoding,
          accept: "text/html,*/*;q=0.8",
        });
        const outcome = outcomeOf(headers.get("cache-status"));
        if (outcome === "hit") pace.refund();
        tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
        if (status >= 400) failures.push(`${url.href}: answered with ${status}`);
        else if (outcome === "passed" && index === 0) unkept.push(url.href);
        if (index === 0 && values.assets === true && status === 200)
          for (const asset of assetsOf(url, headers.get("content-type") ?? "", body)) {
            if (seen.has(asset.href) || wanted.length - list.pages.length >= assetsMax) continue;
            seen.add(asset.href);
            wanted.push(asset);
          }
        if (status >= 400) break;
      } catch (error) {
        failures.push(`${url.href}: ${reason(error)}`);
        break;
      }
    }
    done += 1;
    bar.show(done, wanted.length);
  });
  bar.end();

  const rows = outcomes.flatMap(([name, words]) => {
    const number = tally.get(name) ?? 0;
    return number === 0 ? [] : [[words, number.toLocaleString("en")]];
  });
  print(`Asked ${edge.origin} for ${wanted.length.toLocaleString("en")} addresses in ${encodings.length} encodings.`);
  if (rows.length > 0) print(table(rows, [1]));
  if (unkept.length > 0)
    print(`The cache did not keep ${unkept.length.toLocaleString("en")}:\n${listComplaints(unkept, 20)}`);
  if (failures.length === 0) return 0;
  process.stderr.write(`Failed: ${failures.length.toLocaleString("en")}.\n${listComplaints(failures)}\n`);
  return 1;
}

type Outcome = "hit" | "stored" | "passed" | "unknown";
const outcomes: readonly (readonly [Outcome, string])[] = [
  ["hit", "hits: were in the cache already"],
  ["stored", "misses: are in the cache now"],
  ["passed", "misses: not kept by the cache"],
  ["unknown", "answers without Cache-Status"],
];

/** RFC 9211: the last member is the cache nearest to us; `hit`, or `fwd` with `stored` when it was kept. */
function outcomeOf(field: string | null): Outcome {
  if (field === null) return "unknown";
  const members = field.replace(/"(?:[^"\\]|\\.)*"/g, '""').split(",");
  const parameters = (members.at(-1) ?? "").split(";").map((part) => part.trim());
  const is = (name: string): boolean => parameters.some((part) => part === name || part === `${name}=?1`);
  if (is("hit")) return "hit";
  return is("stored") || is("collapsed") ? "stored" : "passed";
}
