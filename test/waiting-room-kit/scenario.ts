/** Scenarios and invariants as they stand in the JSON files; scenario.schema.json says the same to others. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TSchema } from "typebox";
import Value from "typebox/value";
import type { Capability, RoomConfig } from "./room-under-test.ts";

export type Step =
  | { readonly do: "join"; readonly group: string; readonly count: number; readonly ghosts?: number }
  | { readonly do: "wait"; readonly seconds: number }
  | { readonly do: "close-tab" | "reopen-tab" | "move-device"; readonly group: string }
  | { readonly do: "copy-ticket"; readonly group: string; readonly copies: number }
  | { readonly do: "lose-store" | "read-document" | "check-receipts" }
  | { readonly do: "skew-clock"; readonly seconds: number }
  | { readonly do: "change-outflow"; readonly perMinute: number }
  | { readonly do: "tell-stock"; readonly remaining: number; readonly held: number; readonly sold: number };

export type Asked = { readonly id: string; readonly [parameter: string]: string | number };

export type Scenario = {
  readonly scenario: string;
  readonly story: string;
  readonly needs: readonly Capability[];
  readonly room: RoomConfig;
  readonly steps: readonly Step[];
  readonly invariants: readonly Asked[];
};

const here = import.meta.dir;
const read = (file: string): unknown => JSON.parse(readFileSync(join(here, file), "utf8"));

/** By id, the sentence that must be true. */
export const invariants = read("invariants.json") as Readonly<Record<string, string>>;

export function readScenarios(): Scenario[] {
  const { $schema: _dialect, ...schema } = read("scenario.schema.json") as Record<string, unknown>;
  return readdirSync(join(here, "scenarios")).map((file) => {
    const scenario = read(join("scenarios", file));
    if (!Value.Check(schema as TSchema, scenario)) {
      const [first] = Value.Errors(schema as TSchema, scenario);
      throw new Error(`${file}${first?.instancePath ?? ""} ${first?.message ?? "is no scenario"}`);
    }
    return scenario as Scenario;
  });
}
