/** What a drill does to the world: call an address, run a command, or ask the house that runs a Spillway for it. */
import type { RunView } from "../ports.ts";

export type HttpCall = {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly verifyTls: boolean;
  readonly timeoutMs: number;
};
export type HttpOutcome = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Read as JSON where the answer says that it is. */
  readonly body: unknown;
};

export type ProcessCall = {
  readonly path: string;
  /** A list of arguments, or one line for the shell. */
  readonly arguments: readonly string[] | string;
  readonly timeoutMs: number;
};
export type ProcessOutcome = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** `{"type": "spillway", "action": "kill", "role": "worker"}`: the word, and all that stands beside it. */
export type HouseCall = {
  readonly kind: "action" | "probe";
  readonly word: string;
  readonly arguments: Readonly<Record<string, unknown>>;
};

/** Each rejects with a sentence when it cannot be done; an unwelcome answer is an outcome. Ends when `signal` aborts. */
export type DrillProviders = {
  http(call: HttpCall, signal: AbortSignal): Promise<HttpOutcome>;
  process(call: ProcessCall, signal: AbortSignal): Promise<ProcessOutcome>;
  /** Left out where nobody runs a Spillway for the drill. */
  readonly house?: DrillHouse;
};

/** Runs a Spillway and does to it what a drill asks, only to what it has started itself. */
export interface DrillHouse {
  /** What a call would touch, as the limits of a drill name it: "worker", "proxy:postgres", "payments". Undefined: it knows no such call. */
  targetOf(call: HouseCall): string | undefined;
  perform(call: HouseCall, run: RunView | undefined, signal: AbortSignal): Promise<unknown>;
  /** Names that experiments may use: `${door_url}`. */
  readonly configuration: Readonly<Record<string, string>>;
}
