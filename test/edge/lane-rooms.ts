/**
 * Waiting rooms that stand still, so that two edges can be compared: the line of each is in one phase for ever, gives no places, and notes what
 * it is told. Passes, keys, and all that is done with a request are in earnest.
 */
import fc from "fast-check";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import type { NowServing, Room, RoomPhase, WaitingRooms } from "#contract/waiting-room.ts";
import type { Meter } from "#edge/ports.ts";
import type { Line } from "#edge/waiting-room/line.ts";
import { createRooms } from "#edge/waiting-room/rooms.ts";
import { createTokens, type Token, type TokenKind } from "#edge/waiting-room/token.ts";

const sessionSeconds = 600;
const hosts = (name: string) => ({ match: { hosts: [`${name}.example`] } });
const drop = { id: "drop", ...hosts("drop"), sessionSeconds };
const cart = { id: "cart", ...hosts("cart"), sessionSeconds, page: "standalone" };
const later = { id: "later", ...hosts("later"), sessionSeconds };
const net = { id: "net", kind: "safety-net", ...hosts("net"), sessionSeconds, activeMax: 50 };
/** Some answers say `Surrogate-Key: a b`. */
const tagged = { id: "tagged", match: { tags: ["a"] }, sessionSeconds };

const phases: Readonly<Record<string, RoomPhase>> = { later: "before", net: "standby" };

/** As `waitingRooms` of a configuration: one room, several, and one that goes by what is learnt from answers. */
export const roomSettings = [[drop], [drop, cart, later, net], [drop, net, tagged]].map((rooms) => ({ rooms }));

/** Most of them the room's from which most passes are. */
export const roomHosts = fc.constantFrom(
  ...["drop.example", "drop.example", "drop.example", "drop.example", "drop.example"],
  ...["cart.example", "later.example", "net.example", "shop.example"],
);

const keys = createRoomKeys([{ id: 1, secret: new Uint8Array(32).fill(7) }]);
const strangers = createRoomKeys([{ id: 1, secret: new Uint8Array(32).fill(8) }]);

function tokenOf(room: string, seq: number, given: Partial<Token> & { kind?: TokenKind; by?: typeof keys } = {}) {
  const { kind = "pass", by = keys, ...more } = given;
  const token = { seq, fromMs: 0, untilMs: sessionSeconds * 1000, generation: 0, thumbprint: null, ...more };
  return createTokens(by, { kind, room, epoch: 1 }).issue(token);
}

const good = [1, 2, 3, 4].map((seq) => tokenOf("drop", seq));
const [ada, bea, cleo] = good as [string, string, string];
const inCart = tokenOf("cart", 1);
const beside = tokenOf("drop", 2 ** 47 + 5);
const due = tokenOf("drop", 5, { untilMs: sessionSeconds * 500 });
const ended = tokenOf("drop", 6, { untilMs: 1 });
const forged = tokenOf("drop", 1, { by: strangers });
const ticket = tokenOf("drop", 1, { kind: "ticket" });
const altered = `${ada.slice(0, -2)}AA`;

type Fields = readonly (readonly [string, string])[];
const cookie = (text: string): readonly [string, string] => ["Cookie", `spillway_pass_drop=${text}`];
const shown = (text: string): readonly [string, string] => ["Spillway-Pass", text];

/** What clients show of passes, and what they say that nobody outside may. */
export const passFields: fc.Arbitrary<Fields> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...good.map((text) => [cookie(text)])) },
  { weight: 4, arbitrary: fc.constantFrom(...good.map((text) => [shown(text)])) },
  {
    weight: 8,
    arbitrary: fc.constantFrom<Fields>(
      [],
      [["Cookie", `a=b; spillway_pass_drop=${ada}; spillway_pass_cart=${inCart}`]],
      [cookie(bea), ["Cookie", `spillway_pass_cart=${inCart}`]],
      [cookie(ada), shown("mine")],
      [cookie(cleo), shown(bea), shown(forged)],
      [cookie(forged), shown(cleo)],
      [cookie(bea), ["Spillway-Room", "waiting"]],
      [shown(bea), ["spillway-room", "release"], ["SPILLWAY-ROOM", "waiting"]],
      [shown(`${inCart}, ${bea}`)],
      [shown(forged), shown(cleo)],
      [shown(`${altered},${ticket}`)],
      [["Spillway-Room", "waiting"]],
      [cookie(beside)],
      [shown(beside)],
      [cookie(due)],
      [shown(due)],
      [cookie(ended)],
      [cookie(forged)],
      [cookie(altered)],
      [cookie(ticket)],
      [cookie("")],
      [shown("")],
      [["Cookie", `spillway_pass_cart=${inCart}`]],
    ),
  },
);

/** `told`: what lines were told, in order. */
export async function stillRooms(
  settings: WaitingRooms,
  clock: { readonly ms: number },
  { meter, random }: { readonly meter: Meter; readonly random: () => number },
) {
  const told: string[] = [];
  if (settings.rooms.length === 0) return { rooms: undefined, told };
  const rooms = await createRooms(settings, {
    keys: { ...keys, randomBytes: (length) => new Uint8Array(length).fill(3) },
    store: undefined as never,
    openLine: async (room) => stillLine(room, clock, told),
    verifyBot: async () => undefined,
    verifyStockSignature: () => false,
    drawQr: () => "",
    mail: undefined,
    book: { read: async () => [], append: async () => {}, replace: async () => {} },
    files: new Map(),
    random,
    meter,
    now: () => clock.ms,
    later: () => () => {},
    pressure: () => 0,
    siteName: undefined,
    report: (error) => {
      throw error;
    },
  });
  return { rooms, told };
}

function stillLine(room: Room, clock: { readonly ms: number }, told: string[]): Line {
  const note = (...words: readonly unknown[]): void => void told.push([room.id, ...words].join(" "));
  const phase = phases[room.id] ?? "open";
  const released = new Set<number>();
  const beganMs = clock.ms;
  const now: NowServing = {
    room: room.id,
    title: room.id,
    epoch: room.epoch,
    phase,
    cursor: 0,
    next: 100,
    holes: [],
    log: { size: 0, root: "" },
    outflowPerMinute: 1,
    admittedLastMinute: 0,
    atTheDoor: 0,
    waitLowSeconds: [[0, 60]],
    waitHighSeconds: [[0, 90]],
    stock: null,
    bypassed: {},
    message: null,
    opensAtMs: null,
    closesAtMs: null,
    lookAgainSeconds: [[0, 10]],
    claimSeconds: 60,
    roomMs: 0,
    issuedAtMs: 0,
  };
  const signed = { now, keyId: 1, signature: "" };
  const document = { signed, bytes: new TextEncoder().encode(JSON.stringify(signed)) };
  return {
    now: () => now,
    document: () => document,
    phase: () => now.phase,
    join: async () => ({ kind: "too-many" }),
    rankOf: (seq) => seq,
    aheadOf: (rank) => rank,
    calledAtMs: () => undefined,
    claim: async () => ({ kind: "not-called" }),
    renew: (seq, _fromMs, untilMs) => {
      note("renew", seq, untilMs);
      return untilMs;
    },
    release: (seq) => {
      note("release", seq);
      released.add(seq);
    },
    isReleased: (seq) => released.has(seq),
    move: (seq) => note("move", seq),
    generationOf: () => 0,
    admitAtFloor: () => false,
    inside: () => {},
    bypassed: (reason) => note("bypassed", reason),
    stock: () => {},
    ordered: (units) => note("ordered", units),
    roomMs: () => clock.ms - beganMs,
    isReachable: () => true,
    control: async () => {},
    configure: () => {},
    stats: () => ({
      isReachable: true,
      edges: 1,
      waiting: 0,
      atTheDoor: 0,
      active: 0,
      admittedLastMinute: 0,
      outflowPerMinute: 1,
      activeMax: 0,
      strandedLastMinute: 0,
      showRate: 1,
      resumed: 0,
      silentMs: 0,
      reportMs: 0,
      reportsFailed: 0,
      admitted: 0,
      mostInMinute: 0,
      beyondOutflow: 0,
      admittedCutOff: 0,
      usedTwice: 0,
    }),
    stop: async () => {},
  };
}
