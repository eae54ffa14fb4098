/**
 * The document that everybody reads: what is true of the room at this second, signed. It is made when somebody asks and the last one is a second
 * old, so its cost does not depend on how many wait.
 */
import type { ByAhead, NowServing, Room, RoomPhase, SignedNow } from "#contract/waiting-room.ts";
import { timeOf } from "./doors.ts";
import type { Forecast } from "./forecast.ts";
import { rootOf } from "./merkle.ts";
import type { RoomKeys } from "./ports.ts";
import { outflowOf } from "./rates.ts";
import { admittedLastMinuteOf, type LineState, phaseOf } from "./state.ts";

export type Published = { readonly signed: SignedNow; readonly bytes: Uint8Array };

/** Seconds until the next look: soon when it is soon, seldom when it is long. */
const looks: ByAhead = [
  [0, 2],
  [20, 3],
  [200, 8],
  [2000, 20],
  [20_000, 60],
  [200_000, 180],
];

export function nowServing(
  state: LineState,
  room: Room,
  at: { readonly roomMs: number; readonly wallMs: number; readonly pressure: number; readonly forecast: Forecast },
  keys: RoomKeys,
): NowServing {
  const { draw, stock } = state;
  const { forecast } = at;
  const atTheDoor = Object.values(state.edges).reduce((sum, { door }) => sum + door.count, 0);
  return {
    room: room.id,
    title: room.title ?? room.id,
    epoch: room.epoch,
    phase: shownPhase(state, room, forecast),
    cursor: state.cursor,
    next: state.next,
    holes: state.holes,
    ...(draw === null
      ? {}
      : {
          draw: {
            commitment: draw.commitment,
            entrants: draw.drawn?.entrants ?? null,
            root: draw.drawn?.root ?? null,
            seed: draw.drawn === null ? null : draw.seed,
            ...(draw.drawn === null || draw.drawn.holes.length === 0 ? {} : { holes: draw.drawn.holes }),
          },
        }),
    log: { size: state.log.size, root: rootOf(state.log, keys.sha256) },
    outflowPerMinute: outflowOf(state, room),
    admittedLastMinute: admittedLastMinuteOf(state),
    atTheDoor,
    waitLowSeconds: forecast.waitLowSeconds,
    waitHighSeconds: forecast.waitHighSeconds,
    stock: stock === null ? null : { ...stock, chance: forecast.chance ?? [[0, stock.remaining > 0 ? 1 : 0]] },
    bypassed: state.bypassed,
    message: state.control.message === undefined ? (room.message ?? null) : state.control.message,
    opensAtMs: timeOf(room.opensAt) ?? null,
    closesAtMs: timeOf(room.closesAt) ?? null,
    lookAgainSeconds: looks.map(([ahead, seconds]) => [ahead, Math.round(seconds * (1 + at.pressure))] as const),
    claimSeconds: room.claimSeconds,
    roomMs: Math.floor(at.roomMs),
    issuedAtMs: Math.floor(at.wallMs),
  };
}

function shownPhase(state: LineState, room: Room, forecast: Forecast): RoomPhase {
  const phase = phaseOf(state, room.kind);
  return phase === "open" && forecast.isSoldOut ? "sold-out" : phase;
}

const encoder = new TextEncoder();

export function published(now: NowServing, keys: RoomKeys): Published {
  const signed: SignedNow = { now, keyId: keys.keyId, signature: keys.signDocument(JSON.stringify(now)) };
  return { signed, bytes: encoder.encode(JSON.stringify(signed)) };
}
