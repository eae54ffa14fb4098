/**
 * What an edge remembers of the line, and the line made again from it. A store may be empty, may have gone back to an older value, or may be
 * another server than before; then the last changes are lost. What is made again gives no number a second time, moves nobody, and takes the last
 * minute for full.
 */
import { firstDoors, preQueueFromMs, timeOf } from "./doors.ts";
import { emptyFrontier } from "./merkle.ts";
import type { RoomKeys } from "./ports.ts";
import { outflowOf, paceLullMs, paceOf } from "./rates.ts";
import { type Known, leaseGraceMs, leaseMs, reckonedMaxMs, type StepInputs } from "./report.ts";
import { emptySessions, insideOf, lagMaxMs, merged } from "./sessions.ts";
import type { LineState, Span } from "./state.ts";
import { noTurns } from "./turns.ts";
import { emptyWindow, fullWindow } from "./window.ts";

/** Clocks of two machines, or of one that was set, differ by no more than this. */
export const wallErrorMs = 240_000;
/** While edges tell what they know. Longer than a report with all its tries takes. */
const settleMs = 3000;
/** Where the first to come knows nothing: others, which have a file, may still be starting, or be far from the store. */
const blindSettleMs = 8000;
/** Of two monotonic clocks. */
const driftMax = 1.001;

/** The line as it stands in the store, with what this edge knows better; undefined when it must be made again. */
export function known(stored: LineState | null, inputs: StepInputs): LineState | undefined {
  const { known: own } = inputs;
  if (stored === null || stored.server !== inputs.server) return undefined;
  if (own === null) return stored;
  if (stored.tag === own.state.tag) return stored.serial < own.state.serial ? undefined : stored;
  return joined(stored, own.state, givenWithin(own.ageMs, inputs));
}

/** Another edge made the line again, and may have known less. `given`: how many numbers there may be beyond those that this edge knows of. */
function joined(line: LineState, own: LineState, given: number): LineState {
  const isSettling = line.roomMs < line.settledMs;
  const cursor = Math.max(line.cursor, own.cursor);
  const drawn = line.draw?.drawn ?? null;
  return {
    ...line,
    cursor,
    ...(own.next > line.next
      ? { next: own.next + given, holes: withHole(line.holes, line.next, own.next + given - 1) }
      : {}),
    log: isSettling && own.log.size > line.log.size ? own.log : line.log,
    draw: drawn === null && own.draw !== null ? own.draw : line.draw,
    ...(drawn === null && own.draw?.drawn ? { holes: own.holes } : {}),
    doors: {
      ...line.doors,
      open: line.doors.open || own.doors.open,
      preQueue: line.doors.preQueue || own.doors.preQueue,
    },
    control: own.control.serial > line.control.serial ? own.control : line.control,
    turns: own.cursor > line.cursor ? own.turns : line.turns,
    admitted: Math.max(line.admitted, own.admitted),
    called: Math.max(line.called, own.called),
  };
}

export const withHole = (holes: readonly Span[], from: number, to: number): readonly Span[] => {
  if (to < from) return holes;
  const last = holes.at(-1);
  if (last !== undefined && last[1] === from - 1) return [...holes.slice(0, -1), [last[0], to]];
  return [...holes, [from, to]];
};

/** The line made again, or for the first time. */
export function remade(stored: LineState | null, roomMs: number, inputs: StepInputs): LineState {
  const own = inputs.known;
  if (own === null)
    return stored === null ? first(inputs) : resumed(stored, ageOf(stored, inputs.wallMs), roomMs, inputs);
  return resumed(stored === null ? own.state : newest(stored, own.state), own.ageMs, roomMs, inputs);
}

/** What the store still has may hold more than this edge knows, or less. */
function newest(stored: LineState, own: LineState): LineState {
  if (stored.tag === own.tag) return stored.serial > own.serial ? stored : own;
  const [newer, older] = stored.resumed > own.resumed ? [stored, own] : [own, stored];
  return joined({ ...newer, settledMs: Number.POSITIVE_INFINITY }, older, 0);
}

const ageOf = (state: LineState, wallMs: number): number => Math.max(0, wallMs - state.wallMs) + wallErrorMs;

/** As if as many had joined as may: so the numbers of lives of the line that nobody remembers are below it, too. */
const givenWithin = (ageMs: number, { joinsPerSecondMax }: StepInputs): number =>
  Math.ceil(joinsPerSecondMax * ((ageMs * driftMax + reckonedMaxMs) / 1000 + 1));

function resumed(
  best: LineState,
  ageMs: number,
  reckonedMs: number,
  inputs: StepInputs,
  settlesMs = settleMs,
): LineState {
  const { room } = inputs;
  const outflow = outflowOf(best, room);
  const pace = paceOf(outflow);
  const roomMs = Math.max(best.roomMs, reckonedMs);
  const settledMs = roomMs + (inputs.isShared ? settlesMs : 0);
  const given = givenWithin(ageMs, inputs);
  const grantsFromMs = Math.max(settledMs, roomMs + leaseMs + leaseGraceMs + reckonedMaxMs + paceLullMs(outflow));
  const inside =
    insideOf(best.sessions) +
    Object.values(best.edges).reduce((sum, { leases }) => leases.reduce((held, [, count]) => held + count, sum), 0) +
    Math.ceil((outflow / 60_000) * (ageMs * driftMax + leaseMs + pace.burstMs));
  const activeMax = best.control.activeMax ?? room.activeMax;
  return {
    ...best,
    server: inputs.server,
    tag: inputs.newTag(),
    resumed: best.resumed + 1,
    serial: 0,
    roomMs,
    settledMs,
    grantsFromMs,
    next: best.next + given,
    holes: withHole(best.holes, best.next, best.next + given - 1),
    window: fullWindow(outflow, roomMs),
    admissionsTat: grantsFromMs + pace.burstMs,
    joinsTat: roomMs + 1000,
    sessions: merged(
      activeMax === 0 ? inside : Math.min(inside, activeMax),
      roomMs + room.sessionSeconds * 1000 + lagMaxMs,
    ),
    edges: {},
    stranded: emptyWindow,
    assumed: fullWindow(outflow, roomMs),
  };
}

/**
 * Nobody knows of a line: this is its beginning. Where other edges might know, what they know is waited for, and the first minute counts as full.
 * (Where the store, every edge and every file are lost together, there is nothing left to tell that from a beginning.)
 */
function first(inputs: StepInputs): LineState {
  const { room, wallMs, isShared } = inputs;
  const blank = blankLine({ ...inputs, tag: inputs.newTag() });
  if (!isShared) return blank;
  const fromMs = preQueueFromMs(room) ?? timeOf(room.opensAt);
  if (fromMs !== undefined && wallMs <= fromMs - wallErrorMs / 2) return blank;
  return { ...resumed(blank, 0, wallMs, inputs, blindSettleMs), resumed: 0, next: 1, holes: [] };
}

/** A line of which nothing has happened yet. */
export function blankLine(of: Pick<StepInputs, "room" | "wallMs" | "server"> & { readonly tag: string }): LineState {
  return {
    form: 1,
    epoch: of.room.epoch,
    server: of.server,
    tag: of.tag,
    resumed: 0,
    serial: 0,
    roomMs: of.wallMs,
    wallMs: of.wallMs,
    settledMs: 0,
    grantsFromMs: 0,
    doors: { ...firstDoors, quietSinceMs: of.wallMs },
    next: 1,
    cursor: 0,
    called: 0,
    holes: [],
    draw: null,
    log: emptyFrontier,
    control: { serial: 0, outflowPerMinute: null, activeMax: null, phase: null },
    window: emptyWindow,
    admissionsTat: 0,
    joinsTat: 0,
    sessions: emptySessions,
    turns: noTurns,
    edges: {},
    released: { count: 0, last: [] },
    admitted: 0,
    stranded: emptyWindow,
    assumed: emptyWindow,
    bypassed: {},
    orders: 0,
    units: 0,
    stock: null,
  };
}

/** Signed, so that a file that somebody changed or that belongs to other edges is not believed. */
export function checkpointText(state: LineState, wallMs: number, keys: RoomKeys): string {
  const text = JSON.stringify({ wallMs, state });
  const mac = keys.mac(keys.keyId, bytesOf(text));
  if (mac === undefined) throw new Error(`There is no key ${keys.keyId} to sign with.`);
  return `${keys.keyId}.${mac.toBase64({ alphabet: "base64url", omitPadding: true })}.${text}`;
}

/** Undefined for one that is not ours, or of another epoch. */
export function readCheckpoint(text: string, epoch: number, wallMs: number, keys: RoomKeys): Known | undefined {
  const [keyId = "", mac = ""] = text.split(".", 2);
  const body = text.slice(keyId.length + mac.length + 2);
  try {
    const expected = keys.mac(Number(keyId), bytesOf(body));
    if (expected === undefined || !keys.equal(expected, Uint8Array.fromBase64(mac, { alphabet: "base64url" })))
      return undefined;
    const checkpoint = JSON.parse(body) as { wallMs: number; state: LineState };
    if (checkpoint.state.form !== 1 || checkpoint.state.epoch !== epoch) return undefined;
    return { state: checkpoint.state, ageMs: Math.max(0, wallMs - checkpoint.wallMs) + wallErrorMs };
  } catch {
    return undefined;
  }
}

const encoder = new TextEncoder();
const bytesOf = (text: string): Uint8Array => encoder.encode(`checkpoint ${text}`);
