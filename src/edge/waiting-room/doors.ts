/**
 * When doors open and close. Wall clocks are asked here and nowhere else, and what they have decided stays: set back by two minutes, they un-open
 * nothing.
 */
import type { Room } from "#contract/waiting-room.ts";
import type { Doors } from "./state.ts";

export const firstDoors: Doors = { preQueue: false, open: false, closedAt: null, quietSinceMs: 0 };

/** Undefined where there is none, or where it is no time. */
export function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

export const preQueueFromMs = (room: Room): number | undefined => {
  const opensAtMs = timeOf(room.opensAt);
  return opensAtMs === undefined || room.preQueueMinutes === 0 ? undefined : opensAtMs - room.preQueueMinutes * 60_000;
};

export type DoorSignals = {
  readonly wallMs: number;
  readonly roomMs: number;
  /** Somebody waits or stands at a door. */
  readonly isWaitedFor: boolean;
  /** The highest pressure that an edge tells. */
  readonly pressure: number;
  readonly inside: number;
  readonly activeMax: number;
};

export function moved(doors: Doors, room: Room, signals: DoorSignals): Doors {
  const { wallMs, roomMs } = signals;
  const closesAtMs = timeOf(room.closesAt);
  const isClosed =
    closesAtMs !== undefined && (wallMs >= closesAtMs || (doors.closedAt !== null && doors.closedAt === room.closesAt));
  const closedAt = isClosed ? (room.closesAt ?? null) : null;
  if (room.kind === "safety-net") {
    const isAsked =
      signals.pressure >= room.opensAtPressure || (signals.activeMax > 0 && signals.inside >= signals.activeMax);
    const quietSinceMs = isAsked || signals.isWaitedFor ? roomMs : doors.quietSinceMs;
    const open = isAsked || (doors.open && roomMs - quietSinceMs < room.staysOpenSeconds * 1000);
    return { preQueue: false, open, closedAt, quietSinceMs };
  }
  const opensAtMs = timeOf(room.opensAt);
  const fromMs = preQueueFromMs(room);
  return {
    open: doors.open || opensAtMs === undefined || wallMs >= opensAtMs,
    preQueue: doors.preQueue || (fromMs !== undefined && wallMs >= fromMs),
    closedAt,
    quietSinceMs: roomMs,
  };
}
