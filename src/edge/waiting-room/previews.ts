/** Made-up views of a room, one for each state that its page has: for an operator who wants to see them before anybody else does. */
import type { PanelView } from "./panel.ts";

export function previewsOf(view: PanelView): Readonly<Record<string, PanelView>> {
  const opensAtMs = view.opensAtMs ?? 0;
  const stock = view.stock ?? { remaining: 31, held: 9, sold: 360 };
  const waiting: PanelView = {
    ...view,
    phase: "open",
    place: { number: 1300, rank: 1300 },
    ahead: 1204,
    isCalled: false,
    isLate: false,
    isAtTheDoor: false,
    waitSeconds: [730, 1060],
    chance: 0.72,
    stock,
    opensAtMs,
    joined: 3120,
    isUnreachable: false,
  };
  const called: PanelView = { ...waiting, ahead: 0, isCalled: true };
  return {
    before: { ...waiting, phase: "before", place: undefined, ahead: null, stock: null },
    "pre-queue": { ...waiting, phase: "pre-queue", ahead: null, waitSeconds: null, chance: null },
    waiting,
    far: { ...waiting, ahead: 48_210, waitSeconds: [5000, 7800], chance: 0.31 },
    near: { ...waiting, ahead: 12, waitSeconds: [20, 110], chance: 0.97 },
    turn: called,
    late: { ...called, isLate: true },
    door: { ...called, isAtTheDoor: true },
    unlikely: { ...waiting, ahead: 2210, chance: 0.04 },
    "sold-out": { ...waiting, phase: "sold-out", stock: { remaining: 0, held: 0, sold: 400 }, chance: 0 },
    paused: { ...waiting, phase: "paused" },
    draining: { ...waiting, phase: "draining", place: undefined, ahead: null },
    moved: { ...waiting, place: undefined, ahead: null, chance: null, isMoved: true },
    closed: { ...waiting, phase: "closed" },
    unreachable: {
      ...waiting,
      place: { number: null, rank: null },
      ahead: null,
      waitSeconds: null,
      chance: null,
      stock: null,
      isUnreachable: true,
    },
  };
}
