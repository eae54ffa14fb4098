/**
 * The waiting rooms of an edge: a stage right behind the limits. The first room that fits a request decides: with a valid pass it goes on, with a
 * reason to pass beside the line too, and otherwise its sender waits (waiting.ts). Rooms that stand by are not felt.
 *
 * A configuration that changes while it runs keeps the line of every room of the same id and epoch; other rooms end, new ones begin.
 */
import type { Room, WaitingRooms } from "#contract/waiting-room.ts";
import type { Random } from "#kernel/clock.ts";
import { limitKey } from "../addresses.ts";
import type { Answer, Exchange, Glimpse, Next, Stage } from "../exchange.ts";
import { chooseForm } from "../fallback/negotiate.ts";
import { withFields } from "../limits/limits.ts";
import type { Meter, PreparedAnswer } from "../ports.ts";
import { createBypass } from "./bypass.ts";
import { createEndpoints } from "./endpoints.ts";
import { createHandOver } from "./hand-over.ts";
import { createInsideCount } from "./inside-count.ts";
import { landingOf } from "./landing.ts";
import type { Line } from "./line.ts";
import { createMatching, type Matching } from "./matching.ts";
import type { OpenRoom } from "./open-room.ts";
import type { PanelView } from "./panel.ts";
import { type Guest, guestOf, type Inside, passBy, passOn, roomField } from "./pass-on.ts";
import type { DrawQr, LineStore, RoomKeys, RoomMail, TellerBook, VerifyBot, VerifyStockSignature } from "./ports.ts";
import { createPublicPages, headTags } from "./public-pages.ts";
import { documentFields, type RoomFiles } from "./room-files.ts";
import { createPlaces, type Pass, passField } from "./room-places.ts";
import { createTellers } from "./tellers.ts";
import { createWaiting } from "./waiting.ts";

export type RoomsDeps = {
  readonly keys: RoomKeys;
  readonly store: LineStore;
  readonly openLine: (room: Room) => Promise<Line>;
  readonly verifyBot: VerifyBot;
  readonly verifyStockSignature: VerifyStockSignature;
  readonly drawQr: DrawQr;
  /** Undefined: no e-mails. */
  readonly mail: RoomMail | undefined;
  readonly book: TellerBook;
  readonly files: RoomFiles;
  readonly random: Random;
  readonly meter: Meter;
  readonly now: () => number;
  readonly later: (ms: number, run: () => void) => () => void;
  readonly pressure: () => number;
  readonly siteName: string | undefined;
  readonly report: (error: unknown) => void;
};

export type Rooms = {
  /** Right behind the limits. */
  readonly stage: Stage;
  /** In front of the limits: those who hold a place may ask how it stands as often as they are told to, however many share their address. */
  readonly pollStage: Stage;
  /** Behind the cache: where answers say which room their address belongs to. */
  readonly learnStage: Stage;
  /**
   * What the lanes may do with a request. "free": no room has a say in it, and only the room's field of its answer is not shown. A guest: their passes are good and go with it, and what the shop says of them
   * is `seen` (pass-on.ts); `letIn` counts it. "asked": it has to meet the stages. Costs a look into a map, and for a guarded address a look at the pass.
   */
  readonly gate: (exchange: Glimpse) => "free" | Guest | "asked";
  /** Counts one whom `gate` found inside, and who goes on past the stages. */
  readonly letIn: (guest: Guest) => void;
  /** The document that everybody reads, ready to be sent. */
  readonly atHand: (exchange: Glimpse) => PreparedAnswer | undefined;
  readonly all: () => readonly OpenRoom[];
  /** The page of this view, whole in one text: for an operator, whose port has no files. */
  preview(open: OpenRoom, view: PanelView, site: string): string;
  /** Addresses that were answered under other rules may belong to a room now: tags whose kept answers are to be asked for again. */
  configure(settings: WaitingRooms, siteName: string | undefined): Promise<readonly string[]>;
  stats(): Record<string, unknown>;
  stop(): Promise<void>;
};

type PassOutcome = "good" | "none" | "foreign";

export async function createRooms(first: WaitingRooms, deps: RoomsDeps): Promise<Rooms> {
  const count = {
    joins: deps.meter.counter("spillway_room_joins_total", "Places given or refused, by room."),
    passes: deps.meter.counter(
      "spillway_room_pass_checks_total",
      "Requests to guarded addresses, by what pass they had.",
    ),
    bypassed: deps.meter.counter("spillway_room_bypassed_total", "Let in beside the line, by reason."),
  };
  const counters = new Map<string, () => void>();
  const tally = (kind: keyof typeof count, room: string, label: string, value: string): void => {
    const key = `${kind} ${room} ${value}`;
    let add = counters.get(key);
    if (add === undefined) {
      add = count[kind]({ room, [label]: value });
      counters.set(key, add);
    }
    add();
  };

  let open: readonly OpenRoom[] = [];
  let matching: Matching = createMatching([]);
  let prepared = new Map<string, () => PreparedAnswer>();
  const insides = new Map<string, ReturnType<typeof createInsideCount>>();
  const pages = createPublicPages();
  const byId = new Map<string, OpenRoom>();
  const waitingSettings = { siteName: deps.siteName };
  const handOver = createHandOver({ keys: deps.keys, store: deps.store, roomOf: (id) => byId.get(id) });
  const waiting = createWaiting({
    handOver,
    random: deps.random,
    pressure: deps.pressure,
    pages,
    get siteName() {
      return waitingSettings.siteName;
    },
    mayMail: deps.mail !== undefined,
    onJoined: (room, outcome) => tally("joins", room, "outcome", outcome),
  });
  const endpoints = createEndpoints({
    ...deps,
    handOver,
    roomOf: (id) => byId.get(id),
    get siteName() {
      return waitingSettings.siteName;
    },
    onBypassed: (room) => bypassed(room, "code"),
  });
  await configure(first);

  function bypassed({ config, line }: OpenRoom, reason: string): void {
    line.bypassed(reason);
    tally("bypassed", config.id, "reason", reason);
  }

  async function configure(settings: WaitingRooms): Promise<void> {
    const before = new Map(open.map((one) => [keyOf(one.config), one]));
    // What has to be awaited first: until then everything is as it was.
    const opened = new Map<string, Line>();
    for (const config of settings.rooms) {
      const key = keyOf(config);
      opened.set(key, before.get(key)?.line ?? (await deps.openLine(config)));
    }
    open = settings.rooms.map((config) => {
      const key = keyOf(config);
      const old = before.get(key);
      before.delete(key);
      if (old !== undefined && JSON.stringify(old.config) === JSON.stringify(config)) return old;
      const line = opened.get(key) as Line;
      old?.line.configure(config);
      const own = createPlaces(config, line, deps.keys);
      old?.tellers.stop();
      return {
        config,
        line,
        places: own,
        bypass: createBypass(config, deps),
        tellers: createTellers(config, { ...deps, line }),
        landing: landingOf(config),
        passed: count.passes({ room: config.id, outcome: "good" satisfies PassOutcome }),
      };
    });
    for (const gone of before.values()) {
      gone.tellers.stop();
      insides.delete(gone.config.id);
      void gone.line.stop().catch(deps.report);
    }
    byId.clear();
    for (const one of open) byId.set(one.config.id, one);
    matching = createMatching(settings.rooms);
    prepared = new Map(open.map((one) => [`/.spillway/rooms/${one.config.id}/now`, preparing(one.line)]));
  }

  /** In a room that stands by nobody needs a pass; who is inside is only counted where there is a cap that opens it. */
  function standsBy({ config, line }: OpenRoom, address: string, atMs: number): boolean {
    if (line.phase() !== "standby") return false;
    if (config.activeMax === 0) return true;
    let inside = insides.get(config.id);
    if (inside === undefined) {
      inside = createInsideCount(config.sessionSeconds * 1000, config.activeMax * 2);
      insides.set(config.id, inside);
    }
    line.inside(inside.saw(limitKey(address), atMs));
    return true;
  }

  const stage: Stage = (exchange, next) => {
    if (exchange.path.startsWith("/.spillway/")) {
      const answer = endpoints(exchange);
      if (answer !== undefined) return answer;
    }
    const index = matching.roomOf(exchange);
    if (index < 0) {
      const isUnknown = isRead(exchange) && matching.isUnknown(exchange);
      const answer = passUnguarded(exchange, next);
      return isUnknown ? taught(exchange, next, answer) : answer;
    }
    const room = open[index] as OpenRoom;
    return guarded(room, exchange, next);
  };

  function guarded(room: OpenRoom, exchange: Exchange, next: Next): Answer {
    const { line, places: own } = room;
    if (standsBy(room, exchange.address, exchange.atMs)) return passBy(exchange, next);
    const pass = own.pass(exchange.headers);
    if (pass !== undefined) {
      room.passed();
      return passOn(exchange, next, inside(exchange, room, pass));
    }
    const why = room.bypass.of(exchange);
    if (why instanceof Promise) return why.then((reason) => beside(room, exchange, next, reason));
    if (why !== undefined) return beside(room, exchange, next, why);
    // What asks whether it may ask, and what pages are made of, is nobody's turn.
    if (exchange.method === "OPTIONS") return passBy(exchange, next);
    if (isFile(exchange)) return fileOrWait(room, exchange, next);
    // Before there is a line, looking around is free.
    if (line.now().phase === "before" && isRead(exchange) && !isShown(exchange)) return passBy(exchange, next);
    return waits(room, exchange, next);
  }

  function beside(room: OpenRoom, exchange: Exchange, next: Next, reason: string | undefined): Answer {
    if (reason === undefined) return waits(room, exchange, next);
    bypassed(room, reason);
    // The second gate asks for a pass of everybody, so they have one for as long as this request takes.
    return passBy(exchange, next, [room.places.admitBeside()]);
  }

  async function waits(room: OpenRoom, exchange: Exchange, next: Next): Promise<Response> {
    const cookies = exchange.headers.get("cookie");
    const isForeign = exchange.headers.has(passField) || cookies?.includes(`spillway_pass_${room.config.id}=`) === true;
    tally("passes", room.config.id, "outcome", (isForeign ? "foreign" : "none") satisfies PassOutcome);
    const waited = await waiting.wait(room, exchange, next);
    if ("answer" in waited) return waited.answer;
    const set = [...waited.cookies, room.places.passCookie(waited.pass, exchange.scheme === "https")];
    const answer = await passOn(exchange, next, [{ open: room, pass: waited.pass }], set);
    // A program without cookies is told what it shows from now on.
    const isProgram = cookies === null && chooseForm(exchange.headers, exchange.path) === "json";
    return isProgram ? withFields(answer, [[passField, waited.pass.text]]) : answer;
  }

  /** A file that pages are made of is open; what calls itself one and is a page or an API is not. */
  async function fileOrWait(room: OpenRoom, exchange: Exchange, next: Next): Promise<Response> {
    const response = await passBy(exchange, next);
    const type = response.headers.get("content-type") ?? "";
    if (!/^(?:text\/html|application\/(?:[\w.-]+\+)?json|application\/xhtml)/i.test(type)) return response;
    if (/manifest\+json|^application\/json\b/i.test(type) && /\.(?:webmanifest|map)$/i.test(exchange.path))
      return response;
    await response.body?.cancel();
    return await waits(room, exchange, next);
  }

  function learnt(exchange: Exchange, response: Response): Response {
    const tags = [response.headers.get("surrogate-key"), response.headers.get("cache-tag")];
    // What is only true for this moment, such as an error, teaches nothing.
    if (response.status < 400) matching.learn(exchange, tags.filter((one) => one !== null).join(" "));
    return response;
  }

  /** Rooms by tag: the answer says whose it is. Who asked first waits from here on like everybody. */
  async function taught(exchange: Exchange, next: Next, asked: Answer): Promise<Response> {
    const response = await asked;
    const index = matching.roomOf(exchange);
    if (index < 0 || standsBy(open[index] as OpenRoom, exchange.address, exchange.atMs)) return response;
    await response.body?.cancel();
    return await guarded(open[index] as OpenRoom, exchange, next);
  }

  /** Every pass that the client has: a cart may hold things of two rooms. */
  function inside(exchange: Glimpse, room: OpenRoom, pass: Pass): Inside[] {
    if (isRead(exchange) || open.length === 1) return [{ open: room, pass }];
    const others = open.flatMap((other) => {
      const held = other === room ? undefined : other.places.pass(exchange.headers);
      return held === undefined ? [] : [{ open: other, pass: held }];
    });
    return [{ open: room, pass }, ...others];
  }

  /** Outside of the rooms nobody needs a pass, but an order may be sent from there, and its passes go with it. */
  function passUnguarded(exchange: Exchange, next: Next): Answer {
    if (isRead(exchange)) return passBy(exchange, next);
    const held = heldBy(exchange);
    return held.length === 0 ? passBy(exchange, next) : passOn(exchange, next, held);
  }

  const heldBy = ({ headers }: Glimpse): Inside[] =>
    open.flatMap((room) => {
      const pass = room.places.pass(headers);
      return pass === undefined ? [] : [{ open: room, pass }];
    });

  function gate(exchange: Glimpse): ReturnType<Rooms["gate"]> {
    if (exchange.path.startsWith("/.spillway/")) return "asked";
    const index = matching.roomOf(exchange);
    // The answer is to say which room it belongs to.
    if (isRead(exchange) && matching.isUnknown(exchange)) return "asked";
    const room = open[index];
    if (room === undefined) {
      if (!isPlain(exchange)) return "asked";
      // An order may be sent from outside of the rooms, and its passes go with it.
      const held = isRead(exchange) ? [] : heldBy(exchange);
      return held.length === 0 ? "free" : guestOf(held, undefined);
    }
    if (standsBy(room, exchange.address, exchange.atMs)) return isPlain(exchange) ? "free" : "asked";
    const pass = room.places.pass(exchange.headers);
    return pass === undefined ? "asked" : guestOf(inside(exchange, room, pass), room);
  }

  return {
    stage,
    pollStage: (exchange, next) => {
      if (!exchange.path.startsWith("/.spillway/rooms/")) return next(exchange);
      return endpoints(exchange, "poll") ?? next(exchange);
    },
    learnStage: (exchange, next) => {
      if (!isRead(exchange) || !matching.isUnknown(exchange)) return next(exchange);
      const answer = next(exchange);
      if (!(answer instanceof Promise)) return learnt(exchange, answer);
      return answer.then((response) => learnt(exchange, response));
    },
    gate,
    letIn: ({ room }) => room?.passed(),
    atHand: ({ method, path }) => (method === "GET" ? prepared.get(path)?.() : undefined),
    all: () => open,
    preview(room, view, site) {
      const sheet = deps.files.get("/.spillway/room.css")?.bodies.identity;
      const style = sheet === undefined ? "" : `<style>${new TextDecoder().decode(sheet)}</style>`;
      return waiting.preview(room, view, site).replace(headTags, () => style);
    },
    async configure(settings, siteName) {
      const before = new Set(open.flatMap(({ config }) => config.match.tags));
      await configure(settings);
      waitingSettings.siteName = siteName;
      return [...new Set(settings.rooms.flatMap(({ match }) => match.tags))].filter((tag) => !before.has(tag));
    },
    stats: () => Object.fromEntries(open.map((one) => [one.config.id, statsOf(one)])),
    stop: async () => {
      for (const one of open) one.tellers.stop();
      await Promise.allSettled(open.map(async ({ line }) => await line.stop()));
    },
  };
}

export const statsOf = ({ config, line, tellers }: OpenRoom): Record<string, unknown> => {
  const { phase, cursor, next, holes, bypassed, stock } = line.now();
  return {
    epoch: config.epoch,
    phase,
    called: cursor,
    given: next - 1,
    holes: holes.length,
    bypassed,
    stock: stock === null ? null : { remaining: stock.remaining, held: stock.held, sold: stock.sold },
    toTell: tellers.counts(),
    ...line.stats(),
  };
};

const keyOf = ({ id, epoch }: Room): string => `${id} ${epoch}`;

const isRead = ({ method }: Glimpse): boolean => method === "GET" || method === "HEAD";

/** Whether its client says nothing that only a room may say. */
const isPlain = ({ headers }: Glimpse): boolean => headers.get(passField) === null && headers.get(roomField) === null;

/** Whether a page of the room would be put in place of the answer. */
const isShown = ({ headers }: Exchange): boolean => headers.get("accept")?.includes("text/html") ?? false;

const files = /\.(?:css|m?js|map|png|jpe?g|gif|webp|avif|svg|ico|woff2?|ttf|otf|mp4|webm|webmanifest)$/i;
const isFile = (exchange: Exchange): boolean => isRead(exchange) && files.test(exchange.path);

/** The document's answer, made once for each document. */
function preparing(line: Line): () => PreparedAnswer {
  let bytes: Uint8Array | undefined;
  let answer: PreparedAnswer | undefined;
  return () => {
    const document = line.document().bytes;
    if (answer === undefined || document !== bytes) {
      bytes = document;
      answer = {
        status: 200,
        statusText: "OK",
        fields: documentFields,
        length: document.byteLength,
        body: document,
        wire: undefined,
      };
    }
    return answer;
  };
}
