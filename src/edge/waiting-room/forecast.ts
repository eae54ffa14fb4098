/** What those who wait may expect, learnt from the line as it moves: when they are called (eta.ts), and whether something is left (odds.ts). */
import type { ByAhead, Room } from "#contract/waiting-room.ts";
import { createBands } from "./eta.ts";
import { createOdds } from "./odds.ts";
import { outflowOf } from "./rates.ts";
import { type LineState, phaseOf, waitingOf } from "./state.ts";
import { showingOf } from "./turns.ts";

export type Forecast = {
  readonly waitLowSeconds: ByAhead;
  readonly waitHighSeconds: ByAhead;
  /** Null where nobody tells the stock. */
  readonly chance: ByAhead | null;
  /** Who came now would find nothing: the chance of the last in line is below one in a hundred. */
  readonly isSoldOut: boolean;
};

const chanceLeast = 0.01;

export type Forecaster = {
  /** Once a second or so. */
  look(state: LineState, room: Room, roomMs: number): Forecast;
};

export function createForecaster(): Forecaster {
  const bands = createBands();
  const odds = createOdds();
  return {
    look(state, room, roomMs) {
      const phase = phaseOf(state, room.kind);
      const isGiving = phase === "open" || phase === "draining";
      const waiting = waitingOf(state);
      bands.observe({ roomMs, called: state.called, outflowPerMinute: isGiving ? outflowOf(state, room) : 0 });
      const { stock } = state;
      if (stock !== null) {
        const showing = showingOf(state.turns, state.roomMs).rate;
        odds.observe({ roomMs, admitted: state.admitted, orders: state.orders, units: state.units, stock, showing });
      }
      return {
        ...bands.table(waiting + 1),
        chance: stock === null ? null : odds.table(waiting + 1),
        isSoldOut: stock !== null && odds.chanceFor(waiting) < chanceLeast,
      };
    },
  };
}
