/**
 * `spillway publish`: keeps pages of the shop as static files, packed beforehand, for the edge to answer with while the
 * origin is gone. Only what anybody may see is kept: a page that sets a cookie or calls itself private is refused.
 */
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { beginSnapshot } from "#adapters/system/snapshot-files.ts";
import { SpillwayError } from "#kernel/error.ts";
import {
  addressOption,
  assetsOf,
  createFetcher,
  createPace,
  type Fetched,
  listComplaints,
  numberOption,
  pagesFromFile,
  pagesFromSitemap,
  reason,
  withHands,
} from "./site-pages.ts";
import { args, print, progress } from "./terminal.ts";

export const publishHelp = `Fetches each page once and keeps it, packed, for the edge to show while the origin is gone. The new snapshot takes the
place of the old one in one step; pages that set a cookie, are private or are not answered with 200 are refused and listed.

  --urls FILE        one address a line, "-" for standard input
  --sitemap URL      a sitemap or an index of them, packed or not
  --origin URL       where to connect; the addresses keep their own host name
  --out DIR          the snapshot's folder (snapshot); name it as fallback.snapshotDir
  --rate N           most requests a second (20)
  --concurrency N    most requests at once (6)
  --no-assets        leave out the sheets, scripts and pictures that the pages name
  --assets-max N     most of them (5000)

  bin/spillway publish --sitemap https://shop.example/sitemap.xml --out /srv/snapshot
  bin/spillway publish --urls pages.txt --origin http://10.0.0.7:8080

A page that the shop cannot answer just now keeps its copy from the snapshot before, if there is one.
Exit code 0: all kept. 1: some were not; the others are in force. 2: wrong usage.`;

const usage = "usage: bin/spillway publish --urls FILE | --sitemap URL [--origin URL] [--out DIR]. See --help";
const bodyMaxBytes = 32 * 1024 * 1024;
const totalMaxBytes = 4 * 1024 * 1024 * 1024;

type Wanted = { readonly url: URL; readonly asset: boolean };

export async function publishTool(given: string[]): Promise<number> {
  if (given.includes("--help") || given.includes("-h")) {
    print(publishHelp);
    return 0;
  }
  const { values, positionals } = args(given, {
    urls: { type: "string" },
    sitemap: { type: "string" },
    origin: { type: "string" },
    out: { type: "string" },
    rate: { type: "string" },
    concurrency: { type: "string" },
    "no-assets": { type: "boolean" },
    "assets-max": { type: "string" },
  });
  if (positionals.length > 0 || (values.urls === undefined) === (values.sitemap === undefined))
    throw new SpillwayError("bad_usage", usage);
  const origin = addressOption("origin", values.origin);
  const sitemap = addressOption("sitemap", values.sitemap);
  const pace = createPace(numberOption("rate", values.rate, 20, 0.01, 100_000));
  const hands = Math.floor(numberOption("concurrency", values.concurrency, 6, 1, 256));
  const assetsMax =
    values["no-assets"] === true ? 0 : Math.floor(numberOption("assets-max", values["assets-max"], 5000, 0, 100_000));
  const fetcher = createFetcher({ agent: "spillway-publish", through: origin, timeoutMs: 30_000, bodyMaxBytes });
  const dir = values.out ?? "snapshot";

  const list =
    sitemap === undefined ? await pagesFromFile(values.urls ?? "-", origin) : await pagesFromSitemap(sitemap, fetcher);
  const complaints = [...list.complaints];
  const site = list.pages[0]?.host;
  if (site === undefined) {
    process.stderr.write(`spillway: there is no page to publish.\n${listComplaints(complaints)}\n`);
    return 1;
  }
  const wanted: Wanted[] = [];
  for (const url of list.pages) {
    if (url.host === site) wanted.push({ url, asset: false });
    else complaints.push(`${url.href}: a snapshot is of one site, and this one is of ${site}`);
  }

  const snapshot = await beginSnapshot(dir, site);
  const seen = new Set(wanted.map(({ url }) => targetOf(url)));
  const bar = progress("publish");
  let [pages, assets, carried, bytes, done] = [0, 0, 0, 0, 0];
  try {
    await withHands(wanted, hands, async ({ url, asset }) => {
      await pace.turn();
      try {
        const answer = await fetcher(url, { accept: asset ? "*/*" : "text/html,*/*;q=0.8" });
        if (answer.status >= 500 || answer.headers.has("spillway-snapshot"))
          throw new Error(answer.status === 200 ? "is itself a snapshot" : `answered with ${answer.status}`);
        const refusal = refusalOf(answer);
        if (refusal !== undefined) {
          complaints.push(`${url.href}: ${refusal}`);
          return;
        }
        bytes += answer.body.byteLength;
        if (bytes > totalMaxBytes) throw new Error("the snapshot has 4 GiB already");
        const type = answer.headers.get("content-type") ?? "";
        await snapshot.add({
          target: targetOf(url),
          fields: fieldsOf(answer.headers),
          takenAtMs: Date.now(),
          body: answer.body,
          compressed: await packed(answer.body, type),
        });
        if (asset) assets += 1;
        else pages += 1;
        for (const next of assetsMax === 0 ? [] : assetsOf(url, type, answer.body)) {
          const target = targetOf(next);
          if (seen.has(target)) continue;
          if (wanted.length - list.pages.length >= assetsMax) {
            complaints.push(`${next.href}: more than ${assetsMax} assets; raise --assets-max`);
            seen.add(target);
            continue;
          }
          seen.add(target);
          wanted.push({ url: next, asset: true });
        }
      } catch (error) {
        // The shop is in trouble, not the page: what is kept of it is better than nothing.
        const old = await snapshot.keep(targetOf(url));
        if (old !== undefined) carried += 1;
        const stays = old === undefined ? "" : `; its copy of ${new Date(old.takenAtMs).toISOString()} stays`;
        complaints.push(`${url.href}: ${reason(error)}${stays}`);
      } finally {
        done += 1;
        bar.show(done, wanted.length);
      }
    });
    bar.end();
    if (pages === 0) {
      await snapshot.abandon();
      process.stderr.write(
        `spillway: no page could be kept; the snapshot before stays in force.\n${listComplaints(complaints)}\n`,
      );
      return 1;
    }
    await snapshot.publish();
  } catch (error) {
    bar.end();
    await snapshot.abandon();
    throw error;
  }
  const count = (number: number, noun: string): string =>
    `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
  const stays = carried === 0 ? "" : `; ${carried.toLocaleString("en")} of the snapshot before stay`;
  print(`Published ${count(pages, "page")} and ${count(assets, "asset")} of ${site} in ${dir}${stays}.`);
  if (complaints.length === 0) return 0;
  process.stderr.write(`Not kept: ${complaints.length.toLocaleString("en")}.\n${listComplaints(complaints)}\n`);
  return 1;
}

const targetOf = (url: URL): string => url.pathname + url.search;

/** Why an answer may not be shown to everybody; undefined when it may. */
function refusalOf({ status, headers }: Fetched): string | undefined {
  if (status !== 200) {
    const location = headers.get("location");
    return `answered with ${status}${location === null ? "" : `, and sends to ${location.slice(0, 200)}`}`;
  }
  if (headers.has("set-cookie")) return "sets a cookie, so it may be of one person";
  const control = (headers.get("cache-control") ?? "").toLowerCase();
  if (/(?:^|[\s,])private\b/.test(control)) return "is private (Cache-Control)";
  if (/(?:^|[\s,])no-store\b/.test(control)) return "may not be kept (Cache-Control: no-store)";
  return undefined;
}

/** What is said again with the page. What is true of one moment or one connection alone is not. */
const kept = [
  "content-type",
  "content-language",
  "content-disposition",
  "content-security-policy",
  "content-security-policy-report-only",
  "cross-origin-opener-policy",
  "cross-origin-embedder-policy",
  "cross-origin-resource-policy",
  "access-control-allow-origin",
  "permissions-policy",
  "referrer-policy",
  "strict-transport-security",
  "x-content-type-options",
  "x-frame-options",
  "x-robots-tag",
  "link",
];

const fieldsOf = (headers: Headers): [string, string][] =>
  kept.flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

/** Text that shrinks by it; the highest setting, but for what is so large that it would take seconds. */
async function packed(body: Uint8Array, type: string): Promise<{ br?: Uint8Array; gzip?: Uint8Array }> {
  if (
    body.byteLength < 200 ||
    !/^(?:text\/|application\/(?:[\w.+-]*(?:json|xml|javascript)|wasm)|image\/svg\+xml|font\/(?:ttf|otf))/i.test(type)
  )
    return {};
  const quality = body.byteLength > 1024 * 1024 ? 8 : 11;
  const [br, gz] = await Promise.all([
    brotli(body, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: quality,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: body.byteLength,
      },
    }),
    zip(body, { level: 9 }),
  ]);
  return {
    ...(br.byteLength < body.byteLength ? { br } : {}),
    ...(gz.byteLength < body.byteLength ? { gzip: gz } : {}),
  };
}
