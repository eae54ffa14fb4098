/** Reads a file of settings that people write: TypeScript, YAML or JSON. What is wrong with it becomes a complaint. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Complaint } from "./schema-complaints.ts";

type Raw = Record<string, unknown>;

/** Each reading of a module is a new one: it is asked for under an address that was never used. */
let readings = 0;

/** The object that a file of settings holds, as a copy to fill in. `hints`: what to do when it is not there, and how one looks. */
export async function readSettingsFile(
  file: string,
  hints: { readonly missing: string; readonly example: string },
  complaints: Complaint[],
): Promise<Raw | undefined> {
  const complain = (message: string): undefined => {
    complaints.push({ pointer: "", message });
  };
  if (!existsSync(file)) return complain(`is not there. ${hints.missing}`);
  let value: unknown;
  if (/\.json$/i.test(file)) {
    const text = await readFile(file, "utf8").catch((error: unknown) => complain(`cannot be read: ${said(error)}`));
    if (text === undefined) return undefined;
    try {
      value = JSON.parse(text.replace(/^\uFEFF/, ""));
    } catch (error) {
      return complain(`is not JSON: ${said(error)}. Comments and commas at an end belong in a .ts file.`);
    }
  } else if (/\.ya?ml$/i.test(file)) {
    const text = await readFile(file, "utf8").catch((error: unknown) => complain(`cannot be read: ${said(error)}`));
    if (text === undefined) return undefined;
    try {
      value = Bun.YAML.parse(text);
    } catch (error) {
      return complain(`is not YAML: ${said(error)}.`);
    }
  } else if (/\.[mc]?[jt]s$/i.test(file)) {
    readings += 1;
    try {
      const module = (await import(`${file}?reading=${Date.now()}-${readings}`)) as { default?: unknown };
      if (module.default === undefined) return complain("has no default export. Write: export default { … };");
      value = module.default;
    } catch (error) {
      const { line, column } = ((error as { position?: unknown }).position ?? {}) as { line?: number; column?: number };
      return complain(
        `cannot be loaded: ${said(error)}${line === undefined ? "" : ` (line ${line}, column ${column})`}`,
      );
    }
  } else return complain("must end in .ts, .js, .yaml or .json.");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return complain(`must hold one object: ${hints.example}.`);
  // A copy: the module's own object is not ours to fill in.
  try {
    return structuredClone(value) as Raw;
  } catch {
    return complain("must hold plain data alone: no functions, no class instances.");
  }
}

export const said = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ");
