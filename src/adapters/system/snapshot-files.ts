/**
 * Published pages as files. A snapshot is a folder that is written whole under another name and then takes its place by
 * one rename of the link `current`: whoever reads sees the old one or the new one, and a crash leaves the old.
 *
 *   DIR/current -> snapshot-20261127-080000-1f2e
 *   DIR/snapshot-…/manifest.json, DIR/snapshot-…/ab/cdef….{bin,br,gz}   (named by SHA-256 of the plain body)
 *
 * The snapshot before the present one stays, since an edge may still be reading from it.
 */
import { createHash, randomBytes } from "node:crypto";
import { link, mkdir, open, readdir, readFile, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { Coding, SnapshotPage, SnapshotStore } from "#edge/fallback/ports.ts";

type Entry = {
  readonly fields: readonly (readonly [string, string])[];
  readonly sha256: string;
  readonly takenAtMs: number;
  /** Bytes of each form; a file of another length is not what was written. */
  readonly bytes: Readonly<Partial<Record<Coding, number>>>;
};
type Manifest = {
  readonly version: 1;
  readonly takenAt: string;
  readonly site: string;
  readonly pages: Readonly<Record<string, Entry>>;
};

const endings: Readonly<Record<Coding, string>> = { identity: "bin", br: "br", gzip: "gz" };
const fileOf = (sha256: string, coding: Coding): string =>
  join(sha256.slice(0, 2), `${sha256.slice(2)}.${endings[coding]}`);

export type SnapshotFiles = SnapshotStore & {
  /** Of the snapshot in force; null when nothing is published there. */
  state(): { readonly takenAt: string; readonly site: string; readonly pages: number } | null;
  /** Looks for a newer snapshot now. `find` does so by itself, at most once a second, without waiting for it. */
  refresh(): Promise<void>;
};

export type SnapshotFilesOptions = {
  readonly dir: string;
  /** Memory for bodies that were read; the longest unused goes first. */
  readonly memoryMaxBytes?: number;
  /** A snapshot that cannot be read, in one sentence; the one in force stays. */
  readonly report?: (sentence: string) => void;
};

const lookEveryMs = 1000;

export async function openSnapshotFiles(options: SnapshotFilesOptions): Promise<SnapshotFiles> {
  const { dir, memoryMaxBytes = 64 * 1024 * 1024, report = () => {} } = options;
  let folder: string | undefined;
  let manifest: Manifest | undefined;
  let pages: ReadonlyMap<string, SnapshotPage> = new Map();
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;
  let failed: string | undefined;

  const memory = new Map<string, Uint8Array<ArrayBuffer>>();
  let memoryBytes = 0;
  const reading = new Map<string, Promise<Uint8Array<ArrayBuffer> | undefined>>();

  const bodyOf = (path: string, bytes: number) => {
    const known = memory.get(path);
    if (known !== undefined) {
      memory.delete(path);
      memory.set(path, known);
      return known;
    }
    const underway = reading.get(path);
    if (underway !== undefined) return underway;
    const read = readFile(path)
      .then((body) => {
        if (body.byteLength !== bytes) throw new Error(`it has ${body.byteLength} bytes instead of ${bytes}`);
        const kept = new Uint8Array(body);
        if (bytes <= memoryMaxBytes) {
          memory.set(path, kept);
          memoryBytes += bytes;
          for (const [oldest, old] of memory) {
            if (memoryBytes <= memoryMaxBytes) break;
            memory.delete(oldest);
            memoryBytes -= old.byteLength;
          }
        }
        return kept;
      })
      .catch((error: unknown) => {
        report(`A page of the snapshot cannot be read (${path}): ${sentence(error)}. Publish again.`);
        // Perhaps it was swept away behind two newer snapshots.
        lookedAtMs = Number.NEGATIVE_INFINITY;
        return undefined;
      })
      .finally(() => reading.delete(path));
    reading.set(path, read);
    return read;
  };

  const load = async (): Promise<void> => {
    const name = await readlink(join(dir, "current")).catch(() => undefined);
    const wanted = name === undefined ? undefined : join(dir, name);
    if (wanted === folder || wanted === failed) return;
    if (wanted === undefined) {
      [folder, manifest, pages] = [undefined, undefined, new Map()];
      return;
    }
    try {
      const found = readManifest(await readFile(join(wanted, "manifest.json"), "utf8"));
      const next = new Map<string, SnapshotPage>();
      for (const [target, entry] of Object.entries(found.pages)) {
        next.set(target, {
          takenAtMs: entry.takenAtMs,
          fields: entry.fields,
          etag: `"snapshot-${entry.sha256.slice(0, 22)}"`,
          codings: (["br", "gzip", "identity"] as const).filter((coding) => entry.bytes[coding] !== undefined),
          body: (coding) => bodyOf(join(wanted, fileOf(entry.sha256, coding)), entry.bytes[coding] ?? -1),
        });
      }
      [folder, manifest, pages, failed] = [wanted, found, next, undefined];
      memory.clear();
      memoryBytes = 0;
    } catch (error) {
      // Told once, not every second.
      failed = wanted;
      report(
        `The snapshot ${wanted} cannot be read: ${sentence(error)}. Publish again; the one before stays in force.`,
      );
    }
  };

  const refresh = (): Promise<void> => {
    lookedAtMs = performance.now();
    looking ??= load().finally(() => {
      looking = undefined;
    });
    return looking;
  };

  await refresh();
  return {
    find(target) {
      if (performance.now() - lookedAtMs >= lookEveryMs) void refresh();
      return pages.get(target);
    },
    state: () =>
      manifest === undefined ? null : { takenAt: manifest.takenAt, site: manifest.site, pages: pages.size },
    refresh,
  };
}

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function readManifest(text: string): Manifest {
  const value = JSON.parse(text) as Partial<Manifest> | null;
  if (value?.version !== 1 || typeof value.pages !== "object" || value.pages === null)
    throw new Error("its manifest was made by another version of Spillway");
  for (const [target, entry] of Object.entries(value.pages)) {
    if (!/^[0-9a-f]{64}$/.test(entry?.sha256) || !Array.isArray(entry.fields) || entry.bytes?.identity === undefined)
      throw new Error(`its manifest is damaged at ${target}`);
  }
  return value as Manifest;
}

export type NewPage = {
  /** Path and query. */
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly takenAtMs: number;
  readonly body: Uint8Array;
  readonly compressed: Readonly<Partial<Record<"br" | "gzip", Uint8Array>>>;
};

export type SnapshotWriter = {
  add(page: NewPage): Promise<void>;
  /** Takes a page over from the snapshot in force, with its own time; undefined when it is not in there. */
  keep(target: string): Promise<{ readonly takenAtMs: number } | undefined>;
  /** Puts what was added in the place of the snapshot in force. */
  publish(): Promise<void>;
  /** Leaves the snapshot in force as it is. */
  abandon(): Promise<void>;
};

export async function beginSnapshot(dir: string, site: string): Promise<SnapshotWriter> {
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  const id = `${stamp}-${randomBytes(4).toString("hex")}`;
  const draft = join(dir, `draft-${id}`);
  await mkdir(draft, { recursive: true });
  const before = await readlink(join(dir, "current")).catch(() => undefined);
  const old =
    before === undefined
      ? undefined
      : await readFile(join(dir, before, "manifest.json"), "utf8")
          .then(readManifest)
          .catch(() => undefined);
  const pages: Record<string, Entry> = Object.create(null);
  const written = new Map<string, Promise<number>>();

  /** Resolves with the file's bytes: two addresses with the same body share its files, whoever came first wrote them. */
  const write = (file: string, how: (path: string) => Promise<number>): Promise<number> => {
    let done = written.get(file);
    if (done === undefined) {
      done = mkdir(join(draft, file.slice(0, 2)), { recursive: true }).then(() => how(join(draft, file)));
      written.set(file, done);
    }
    return done;
  };

  return {
    async add({ target, fields, takenAtMs, body, compressed }) {
      const sha256 = createHash("sha256").update(body).digest("hex");
      const bytes: Partial<Record<Coding, number>> = {};
      for (const [coding, form] of Object.entries({ identity: body, ...compressed }) as [Coding, Uint8Array][])
        bytes[coding] = await write(fileOf(sha256, coding), (path) => writeDurably(path, form));
      pages[target] = { fields, sha256, takenAtMs, bytes };
    },

    async keep(target) {
      const entry = old?.site === site && Object.hasOwn(old.pages, target) ? old.pages[target] : undefined;
      if (entry === undefined || before === undefined) return undefined;
      const bytes: Partial<Record<Coding, number>> = {};
      try {
        for (const [coding, length] of Object.entries(entry.bytes) as [Coding, number][]) {
          const file = fileOf(entry.sha256, coding);
          bytes[coding] = await write(file, (path) => linkOf(join(dir, before, file), path, length));
        }
      } catch {
        return undefined;
      }
      pages[target] = { ...entry, bytes };
      return { takenAtMs: entry.takenAtMs };
    },

    async publish() {
      const manifest: Manifest = { version: 1, takenAt: new Date().toISOString(), site, pages };
      await writeDurably(join(draft, "manifest.json"), Buffer.from(JSON.stringify(manifest)));
      for (const name of await readdir(draft)) if (name.length === 2) await sync(join(draft, name));
      await sync(draft);
      const name = `snapshot-${id}`;
      const replaced = await readlink(join(dir, "current")).catch(() => undefined);
      await rename(draft, join(dir, name));
      const next = join(dir, `link-${id}`);
      await symlink(name, next);
      await rename(next, join(dir, "current"));
      await sync(dir);
      await sweep(dir, new Set([name, replaced]));
    },

    abandon: () => rm(draft, { recursive: true, force: true }),
  };
}

/** The same file under a second name: it is never written to again, so the two snapshots may share it. */
async function linkOf(from: string, to: string, bytes: number): Promise<number> {
  if ((await stat(from)).size !== bytes) throw new Error("it is damaged");
  await link(from, to);
  return bytes;
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<number> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    await file.datasync();
    return bytes.byteLength;
  } finally {
    await file.close();
  }
}

/** A rename is durable once its folder is. */
async function sync(dir: string): Promise<void> {
  const folder = await open(dir, "r");
  await folder.sync().catch(() => {});
  await folder.close();
}

const abandonedAfterMs = 24 * 3_600_000;

/** Older snapshots go, and what a crash left unfinished a day ago; another publisher's draft of today stays. */
async function sweep(dir: string, keep: ReadonlySet<string | undefined>): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!/^(?:snapshot|draft|link)-\d{8}-\d{6}-[0-9a-f]{8}$/.test(name) || keep.has(name)) continue;
    const path = join(dir, name);
    if (!name.startsWith("snapshot-")) {
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined && Date.now() - found.mtimeMs < abandonedAfterMs) continue;
    }
    await rm(path, { recursive: true, force: true });
  }
}
