/**
 * Spillway's waiting room under the kit: an edge in a process of its own in front of a plain origin, its line in a Redis or Valkey of its own
 * where there is one, and shoppers as programs that speak JSON and keep cookies.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signTimed } from "#adapters/internal/timed-signature.ts";
import type { Receipt } from "#contract/receipt.ts";
import type { ByAhead, PlaceView, SignedNow } from "#contract/waiting-room.ts";
import { verifyReceipt } from "#edge/waiting-room/receipt.ts";
import { hasRedis, startRedis } from "../kit/redis.ts";
import { startShop } from "../kit/running-shop.ts";
import { sha256 } from "../kit/sha256.ts";
import type { Capability, RoomConfig, RunningRoom, Seen, Shopper, WaitingRoomUnderTest } from "./room-under-test.ts";

const adminToken = "a-token-of-the-operator";
const stockSecret = "the shop elsewhere knows this";
const room = "/.spillway/rooms/kit";

/** `cookies`: this browser's jar. `kept`: a document from when they came, as a page would keep it. */
type Browser = Shopper & { readonly cookies: Map<string, string>; kept?: SignedNow };

export const spillwayRoom: WaitingRoomUnderTest = {
  name: hasRedis ? "Spillway, one edge and a store" : "Spillway, one edge",
  can: new Set<Capability>([
    ...(["places", "expected-time", "pre-queue", "draw-receipts", "reopen-tab", "move-device", "copy-ticket"] as const),
    ...(["skew-clock", "change-outflow", "stock", "shared-document"] as const),
    ...(hasRedis ? (["lose-store"] as const) : []),
  ]),
  start,
};

const firstStartMs = 10_000;

async function start(config: RoomConfig): Promise<RunningRoom> {
  const folder = mkdtempSync(join(tmpdir(), "spillway-kit-"));
  const redis = hasRedis && config.opensInSeconds === 0 ? await startRedis() : undefined;
  const origin = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => Response.json({ in: true }, { headers: { "cache-control": "no-store" } }),
  });
  const file = join(folder, "edge.json");
  const skewFile = join(folder, "skew");
  writeFileSync(skewFile, "0");
  // A pre-queue lasts a minute at least and must not have begun when the room first starts. So that nobody sits through it, the edge's clock is put forward
  // once it has; with a store the store's clock would decide, so this edge has none.
  const isDrawn = config.opensInSeconds > 0;
  const preQueueInMs = 3000;
  const opensAt = new Date(Date.now() + preQueueInMs + 60_000).toISOString();
  writeFileSync(
    file,
    JSON.stringify({
      upstreams: [{ url: `http://127.0.0.1:${origin.port}` }],
      adminToken,
      limits: { policies: [{ name: "address", by: "address", perSecond: 100_000, burst: 100_000 }] },
      waitingRooms: {
        ...(redis === undefined ? {} : { storeUrl: redis.url }),
        stateDir: folder,
        stockSecret,
        rooms: [
          {
            id: "kit",
            match: { paths: ["/sale"] },
            page: "standalone",
            outflowPerMinute: config.outflowPerMinute,
            claimSeconds: config.claimSeconds,
            sessionSeconds: config.sessionSeconds,
            ...(isDrawn ? { opensAt, preQueueMinutes: 1 } : {}),
            ...(config.hasStock ? { skus: ["LAMP"] } : {}),
          },
        ],
      },
    }),
  );
  const edge = await startShop({
    word: "edge",
    env: {
      SPILLWAY_EDGE_CONFIG: file,
      SPILLWAY_TEST_SKEW_FILE: skewFile,
      BUN_OPTIONS: `--preload=${join(import.meta.dir, "skewed-clock.ts")}`,
    },
  });

  async function ask(browser: Browser, method: string, path: string, body?: unknown): Promise<Response> {
    const answer = await fetch(edge.url + path, {
      method,
      redirect: "manual",
      headers: {
        accept: "application/json",
        cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [name = "", value = ""] = (cookie.split(";", 1)[0] ?? "").split("=", 2);
      browser.cookies.set(name, value);
    }
    return answer;
  }
  const isIn = ({ cookies }: Browser): boolean => [...cookies.keys()].some((name) => name.startsWith("spillway_pass"));
  const browserOf = (shopper: Shopper): Browser => shopper as Browser;
  let browsers = 0;
  const newBrowser = (cookies?: Map<string, string>): Browser => ({ id: `${browsers++}`, cookies: new Map(cookies) });
  const readNow = async (): Promise<SignedNow> => (await (await fetch(`${edge.url}${room}/now`)).json()) as SignedNow;

  if (isDrawn) {
    while ((await readNow()).now.phase === "before") await Bun.sleep(100);
    writeFileSync(skewFile, String(60_000 - config.opensInSeconds * 1000));
  }

  // Beside a store that others may use a first start waits for what they know, and takes its first minute for full.
  if (redis !== undefined) await Bun.sleep(firstStartMs);

  return {
    async join() {
      const browser = newBrowser();
      const answer = await ask(browser, "GET", "/sale");
      await answer.body?.cancel();
      if (answer.status !== 202 && answer.status !== 200) throw new Error(`${answer.status} for who came`);
      if (isDrawn) browser.kept = await readNow();
      return browser;
    },

    async look(shopper): Promise<Seen> {
      const browser = browserOf(shopper);
      const answer = await ask(browser, "GET", `${room}/place`);
      const nothing = { place: null, rank: null, ahead: null, waitSeconds: null, chance: null };
      if (answer.status === 409) return { state: "moved", ...nothing };
      if (answer.status >= 400 && answer.status !== 410) throw new Error(`${answer.status} for a look`);
      const view = (await answer.json()) as PlaceView;
      const state = isIn(browser) ? "admitted" : view.state === "no-place" ? "refused" : view.state;
      return {
        state,
        place: view.number === null ? null : `${view.number}`,
        rank: view.rank,
        ahead: view.ahead,
        waitSeconds: view.waitSeconds,
        chance: view.chance,
      };
    },

    async claim(shopper) {
      const answer = await ask(browserOf(shopper), "POST", `${room}/claim`, {});
      const view = (await answer.json()) as Partial<PlaceView>;
      const isAdmitted = answer.status === 200 && view.state === "admitted";
      return { isAdmitted, admission: isAdmitted ? `${view.number}` : null };
    },

    // A tab that is closed takes nothing with it: the browser keeps its cookies.
    async reopenTab(shopper) {
      const browser = newBrowser(browserOf(shopper).cookies);
      await (await ask(browser, "GET", "/sale")).body?.cancel();
      return browser;
    },

    async moveDevice(shopper) {
      const made = await ask(browserOf(shopper), "POST", `${room}/code`, {});
      const { code } = (await made.json()) as { code: string };
      const browser = newBrowser();
      const taken = await ask(browser, "POST", `${room}/invite`, { code });
      if (!taken.ok) throw new Error(`${taken.status} for a code of another device`);
      await taken.body?.cancel();
      return browser;
    },

    copyTicket: async (shopper) => newBrowser(browserOf(shopper).cookies),

    async loseStore() {
      await redis?.command("FLUSHALL");
    },

    async skewClock(seconds) {
      writeFileSync(skewFile, String(seconds * 1000));
      await Bun.sleep(200);
    },

    async changeOutflow(perMinute) {
      const answer = await fetch(`${edge.opsUrl}/edge/rooms/kit`, {
        method: "PATCH",
        headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
        body: JSON.stringify({ outflowPerMinute: perMinute }),
      });
      if (!answer.ok) throw new Error(`${answer.status} for another outflow: ${await answer.text()}`);
    },

    async tellStock({ remaining, held, sold }) {
      const body = JSON.stringify({ remaining, held, sold });
      const answer = await fetch(`${edge.url}${room}/stock`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "spillway-signature": signTimed(stockSecret, new TextEncoder().encode(body), Date.now()),
        },
        body,
      });
      if (!answer.ok) throw new Error(`${answer.status} for the stock: ${await answer.text()}`);
    },

    async sharedDocument() {
      const answer = await fetch(`${edge.url}${room}/now`);
      const control = answer.headers.get("cache-control") ?? "";
      const isPersonal = answer.headers.has("set-cookie") || /\bcookie\b/i.test(answer.headers.get("vary") ?? "");
      const text = await answer.text();
      const { lookAgainSeconds } = (JSON.parse(text) as SignedNow).now;
      return {
        isShared: /\bpublic\b/.test(control) && /max-age=[1-9]/.test(control) && !isPersonal,
        bytes: text.length,
        againNearSeconds: entryOf(lookAgainSeconds, "first"),
        againFarSeconds: entryOf(lookAgainSeconds, "last"),
      };
    },

    async brokenInReceipt(shopper) {
      const browser = browserOf(shopper);
      const since = browser.kept?.now.log.size ?? 0;
      const answer = await ask(browser, "GET", `${room}/receipt${since > 0 ? `?since=${since}` : ""}`);
      if (!answer.ok) return [`no receipt: ${answer.status} ${await answer.text()}`];
      const receipt = (await answer.json()) as Receipt;
      const keys = (await (await fetch(`${edge.url}/.spillway/keys`)).json()) as { keys: Record<string, string> };
      const whole = browser.kept === undefined ? receipt : { ...receipt, earlier: browser.kept };
      const checks = await verifyReceipt(whole, sha256, keys.keys);
      return checks.filter(({ result }) => result !== "holds").map(({ sentence }) => sentence);
    },

    admittedCount: async () => (await readNow()).now.admittedLastMinute,

    async stop() {
      await edge.stop("SIGTERM");
      await edge[Symbol.asyncDispose]();
      await origin.stop(true);
      await redis?.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const entryOf = (table: ByAhead, end: "first" | "last"): number =>
  (end === "first" ? table[0] : table.at(-1))?.[1] ?? 0;
