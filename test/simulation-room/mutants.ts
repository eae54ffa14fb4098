/**
 * Lines that are wrong on purpose, each in one rule: if the simulation did not find them, its silence about ours would say nothing.
 */
import type { LineStore, RoomKeys } from "#edge/waiting-room/ports.ts";
import type { Plan } from "./plan.ts";

export type Mutation = {
  readonly store?: (store: LineStore) => LineStore;
  readonly keys?: (keys: RoomKeys) => RoomKeys;
  readonly monotonicMs?: (ms: number) => number;
  readonly plan?: Partial<Plan>;
};
export const mutants: Readonly<Record<string, Mutation>> = {};
