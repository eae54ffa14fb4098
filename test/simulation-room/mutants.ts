/**
 * Lines that are wrong on purpose, each in one rule: if the simulation did not find them, its silence about ours would say nothing.
 */
import type { LineStore } from "#edge/waiting-room/ports.ts";
import type { Report, StepInputs } from "#edge/waiting-room/report.ts";
import type { EdgeState, LineState } from "#edge/waiting-room/state.ts";
import { step } from "#edge/waiting-room/step.ts";

export type Mutation = {
  readonly store?: (store: LineStore) => LineStore;
  readonly step?: typeof step;
  /** A clock that may be set takes the place of the monotonic one. */
  readonly isWallClock?: boolean;
};

/** The line as it would be without a rule: changed before each step, or after. */
const stepping =
  (rule: {
    readonly before?: (line: LineState, report: Report) => LineState;
    readonly after?: (line: LineState, stored: LineState | null, inputs: StepInputs) => LineState;
  }): typeof step =>
  (stored, report, inputs) => {
    const line = stored === null || rule.before === undefined ? stored : rule.before(stored, report);
    const stepped = step(line, report, inputs);
    return { ...stepped, state: rule.after?.(stepped.state, stored, inputs) ?? stepped.state };
  };

const withEdges = (line: LineState, change: (edge: EdgeState) => EdgeState): LineState => ({
  ...line,
  edges: Object.fromEntries(Object.entries(line.edges).map(([id, edge]) => [id, change(edge)])),
});

const isNew = (line: LineState, stored: LineState | null): boolean =>
  line.resumed > 0 && (stored === null || stored.tag !== line.tag);

export const mutants: Readonly<Record<string, Mutation>> = {
  "the minute runs faster with every report": {
    step: stepping({
      before: (line) => ({ ...line, window: { ...line.window, from: Math.max(0, line.window.from - 1) } }),
    }),
  },
  "a lease that ends without a word is forgotten": {
    step: stepping({
      before: (line, report) =>
        withEdges(line, (edge) => ({
          ...edge,
          leases: edge.leases.filter(([, , , endsMs]) => endsMs > Math.max(line.roomMs, report.roomMs) + 1500),
        })),
    }),
  },
  "what is granted does not count before it is used": {
    step: stepping({
      after: (line) =>
        withEdges(line, (edge) => ({
          ...edge,
          leases: edge.leases.map(([id, count, , endsMs]) => [id, count, count, endsMs]),
        })),
    }),
  },
  "after a loss the last minute counts as empty": {
    step: stepping({
      after: (line, stored) =>
        isNew(line, stored)
          ? { ...line, window: { from: 0, counts: [] }, grantsFromMs: 0, settledMs: 0, admissionsTat: 0 }
          : line,
    }),
  },
  "after a loss numbers go on from the last that is known": {
    step: stepping({
      after: (line, stored, { known }) =>
        isNew(line, stored) && known !== null
          ? { ...line, next: known.state.next, holes: known.state.holes, settledMs: 0 }
          : line,
    }),
  },
  "after a loss the cursor begins anew": {
    step: stepping({ after: (line, stored) => (isNew(line, stored) ? { ...line, cursor: 0, called: 0 } : line) }),
  },
  "after a loss the draw is held again": {
    step: stepping({
      after: (line, stored) =>
        isNew(line, stored) && line.draw !== null ? { ...line, draw: { ...line.draw, drawn: null } } : line,
    }),
  },
  "nobody counts who is inside": {
    step: stepping({ after: (line) => ({ ...line, sessions: { ends: [], mergedMs: 0 } }) }),
  },
  "the claim book is written whatever it says": {
    store: (store) => ({
      ...store,
      write: async (name, from, value) =>
        await store.write(name, name.includes("/") ? await store.read(name) : from, value),
    }),
  },
  "room time follows a clock that may be set": { isWallClock: true },
};
