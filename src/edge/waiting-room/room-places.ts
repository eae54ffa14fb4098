/**
 * The places and passes of one room: read from a request, given, renewed, and seen as what a page or a program is told. A place lives in the
 * cookie `spillway_place_ROOM`, a pass in `spillway_pass_ROOM`; programs without cookies send the same texts as `Spillway-Place`
 * and `Spillway-Pass`.
 */
import type { PlaceView, Room } from "#contract/waiting-room.ts";
import { cookieEnd, cookieStart, cookieValue, setCookie } from "../limits/visitor.ts";
import type { Fields } from "../ports.ts";
import { type Join, joinLeafOf, joinOf } from "./join-leaf.ts";
import type { Joined, Line } from "./line.ts";
import { aheadIn, type PanelView, valueAt } from "./panel.ts";
import type { RoomKeys } from "./ports.ts";
import { createTokens, type KeptToken, type Token } from "./token.ts";

export type Place = KeptToken;
export type Pass = KeptToken;

export type Joining =
  | { readonly kind: "place"; readonly place: Place }
  | { readonly kind: "refused"; readonly why: Exclude<Joined["kind"], "joined" | "unreachable"> };

export type Places = {
  readonly room: Room;
  readonly line: Line;
  place(headers: Fields, nowMs: number): Place | undefined;
  pass(headers: Fields): Pass | undefined;
  /** Whether it stands in the field, and not in a cookie. */
  isShown(headers: Fields, pass: Pass): boolean;
  /** A new place; or a number for one whose arrival was only noted. */
  join(nowMs: number, noted?: Place): Promise<Joining>;
  /** What its leaf in the log was made of: one for each secret that is believed, the newest first. */
  joinsOf(place: Place): readonly Join[];
  /** The same place with other particulars. */
  reissue(place: Place, change: Partial<Pick<Token, "thumbprint" | "generation">>): Place;
  admit(place: Pick<Token, "seq" | "generation" | "thumbprint">, untilRoomMs: number): Pass;
  /** Of one who was let in beside the line: a number that no line gives. */
  admitBeside(): Pass;
  placeCookie(place: Place, nowMs: number, isSecure: boolean): string;
  passCookie(pass: Pass, isSecure: boolean): string;
  forgetPass(isSecure: boolean): string;
  panel(place: Place | undefined, isAtTheDoor?: boolean): PanelView;
  view(place: Place | undefined, base: string, isAtTheDoor?: boolean): PlaceView;
};

export const placeField = "spillway-place";
export const passField = "spillway-pass";

/** A place is worth something for as long as its line, and for a week. */
const placeMs = 7 * 24 * 3_600_000;
/**
 * When a place ends is spread by 30 bits of chance (twelve days), and goes into its leaf of the join log: so no two leaves are the same, also of
 * two who came in the same millisecond.
 */
const spreadMs = 2 ** 30;
/** Numbers of those who came beside the line: above all that a line gives, and 46 random bits, so that no two are the same. */
const besideFrom = 2 ** 47;

export const isBeside = (seq: number): boolean => seq >= besideFrom;

export function createPlaces(room: Room, line: Line, keys: RoomKeys): Places {
  const tickets = createTokens(keys, { kind: "ticket", room: room.id, epoch: room.epoch });
  const passes = createTokens(keys, { kind: "pass", room: room.id, epoch: room.epoch });
  const placeName = `spillway_place_${room.id}`;
  const passName = `spillway_pass_${room.id}`;
  const closesAtMs = room.closesAt === undefined ? undefined : Date.parse(room.closesAt);

  const random = (): number => new DataView(keys.randomBytes(4).buffer).getUint32(0) / 2 ** 32;

  const cookieOf = (headers: Fields, cookie: string): string | undefined => {
    const cookies = headers.get("cookie");
    return cookies === null ? undefined : cookieValue(cookies, cookie);
  };

  function readPlace(text: string | null | undefined, nowMs: number): Place | undefined {
    return text === null || text === undefined ? undefined : tickets.read(text, nowMs);
  }

  const isEnded = (seq: number): boolean => !isBeside(seq) && line.isReleased(seq);
  const sha256 = (...given: readonly Uint8Array[]): Uint8Array => keys.sha256(...given);
  const joinSecrets = keys.deriveEach("joins");
  const joinsOf = ({ fromMs, untilMs }: Pick<Token, "fromMs" | "untilMs">): Join[] =>
    joinSecrets.map((secret) =>
      joinOf(secret, { room: room.id, epoch: room.epoch, arrivedMs: fromMs }, untilMs, sha256),
    );

  /** The end of a pass by the wall clock: the shop does not know room time. */
  const wallEndMs = (untilRoomMs: number): number =>
    Math.max(0, line.now().issuedAtMs + untilRoomMs - Math.max(0, line.roomMs()));

  const issue = (token: Token): Place => ({ ...token, isOldKey: false, text: tickets.issue(token) });

  const issuePass = (token: Token): Pass => ({ ...token, isOldKey: false, text: passes.issue(token) });

  function panel(place: Place | undefined, isAtTheDoor = false): PanelView {
    const now = line.now();
    const number = place === undefined || place.seq === 0 ? null : place.seq;
    const rank = number === null ? null : (line.rankOf(number) ?? null);
    const isCalled = rank !== null && rank <= now.cursor;
    const ahead = rank === null ? null : aheadIn(now, rank);
    const calledAtMs = isCalled ? line.calledAtMs(rank) : undefined;
    const isOpen = now.phase === "open" || now.phase === "draining" || now.phase === "sold-out";
    const low = ahead === null ? null : valueAt(now.waitLowSeconds, ahead);
    const high = ahead === null ? null : valueAt(now.waitHighSeconds, ahead);
    return {
      room: room.id,
      phase: now.phase,
      place: place === undefined ? undefined : { number, rank },
      ahead,
      isCalled: isCalled && (isOpen || now.phase === "paused"),
      isLate: isCalled && (calledAtMs === undefined || line.roomMs() - calledAtMs > room.claimSeconds * 1000),
      isAtTheDoor: isCalled && isAtTheDoor,
      waitSeconds: low === null || high === null ? null : [Math.round(low), Math.round(high)],
      chance: now.stock === null || ahead === null ? null : valueAt(now.stock.chance, ahead),
      stock: now.stock,
      opensAtMs: now.opensAtMs,
      preQueueAtMs:
        now.opensAtMs === null || room.preQueueMinutes === 0 ? null : now.opensAtMs - room.preQueueMinutes * 60_000,
      joined: now.next - 1,
      claimSeconds: room.claimSeconds,
      message: now.message,
      isUnreachable: !line.isReachable(),
    };
  }

  return {
    room,
    line,
    place: (headers, nowMs) =>
      readPlace(cookieOf(headers, placeName), nowMs) ?? readPlace(headers.get(placeField), nowMs),

    // On the way of every request to the room's addresses: nothing is made for a pass that is known.
    pass(headers) {
      const roomMs = line.roomMs();
      const cookies = headers.get("cookie");
      const from = cookies === null ? -1 : cookieStart(cookies, passName);
      if (cookies !== null && from >= 0) {
        const kept = passes.read(cookies, roomMs, from, cookieEnd(cookies, from));
        if (kept !== undefined && !isEnded(kept.seq)) return kept;
      }
      const shown = headers.get(passField);
      if (shown === null) return undefined;
      // A client that was let into several rooms shows all of its passes.
      for (const text of shown.includes(",") ? shown.split(",", 8) : [shown]) {
        const pass = passes.read(text.trim(), roomMs);
        if (pass !== undefined && !isEnded(pass.seq)) return pass;
      }
      return undefined;
    },
    isShown: (headers, { text }) => cookieOf(headers, passName) !== text,

    async join(nowMs, noted) {
      const token: Omit<Token, "seq"> = noted ?? {
        fromMs: nowMs,
        untilMs: Math.max(nowMs, closesAtMs ?? 0) + placeMs + Math.floor(random() * spreadMs),
        generation: 0,
        thumbprint: null,
      };
      const leaf = joinLeafOf(joinsOf(token)[0] as Join, sha256);
      const joined = noted === undefined ? await line.join(leaf, nowMs) : await line.join(leaf, noted.fromMs);
      if (joined.kind !== "joined" && joined.kind !== "unreachable") return { kind: "refused", why: joined.kind };
      return { kind: "place", place: issue({ ...token, seq: joined.kind === "joined" ? joined.seq : 0 }) };
    },

    joinsOf,
    reissue: (place, change) => issue({ ...place, ...change }),

    admit: ({ seq, generation, thumbprint }, untilRoomMs) =>
      issuePass({ seq, fromMs: wallEndMs(untilRoomMs), untilMs: untilRoomMs, generation, thumbprint }),

    admitBeside() {
      const random = new DataView(keys.randomBytes(8).buffer);
      const seq = besideFrom + (random.getUint32(0) % 2 ** 14) * 2 ** 32 + random.getUint32(4);
      const untilMs = Math.max(0, line.roomMs()) + room.sessionSeconds * 1000;
      return issuePass({ seq, fromMs: wallEndMs(untilMs), untilMs, generation: 0, thumbprint: null });
    },

    placeCookie: (place, nowMs, isSecure) =>
      setCookie(placeName, place.text, Math.max(60, Math.ceil((place.untilMs - nowMs) / 1000)), isSecure),
    passCookie: (pass, isSecure) =>
      setCookie(passName, pass.text, Math.max(1, Math.ceil((pass.untilMs - line.roomMs()) / 1000)), isSecure),
    forgetPass: (isSecure) => setCookie(passName, "", 0, isSecure),

    panel,

    view(place, base, isAtTheDoor = false) {
      const seen = panel(place, isAtTheDoor);
      const address = `${base}/.spillway/rooms/${room.id}`;
      const { lookAgainSeconds } = line.now();
      return {
        state: stateOf(seen),
        phase: seen.phase,
        room: room.id,
        number: seen.place?.number ?? null,
        rank: seen.place?.rank ?? null,
        ahead: seen.ahead,
        waitSeconds: seen.isCalled ? [0, 0] : seen.waitSeconds,
        chance: seen.chance,
        lookAgainSeconds: seen.isCalled ? 1 : Math.max(1, Math.round(valueAt(lookAgainSeconds, seen.ahead ?? 0) ?? 10)),
        nowUrl: `${address}/now`,
        claimUrl: `${address}/claim`,
        message: seen.message,
        keptSeconds: seen.isCalled ? room.claimSeconds : null,
      };
    },
  };
}

function stateOf(view: PanelView): PlaceView["state"] {
  if (view.phase === "closed") return "closed";
  if (view.isCalled) return view.isAtTheDoor ? "at-the-door" : "your-turn";
  if (view.phase === "sold-out") return "sold-out";
  return view.place === undefined ? "no-place" : "waiting";
}
