/** The line's store of a single process: in its memory. Other edges cannot share it, and what it holds ends with the process. */
import type { LineStore } from "#edge/waiting-room/ports.ts";

const leafBytes = 32;
/** The log is kept in parts, because numbers jump after a loss. */
const partLeaves = 4096;
type LogPart = { readonly bytes: Uint8Array; readonly isThere: Uint8Array };

/** Beyond it the oldest secret that is still good goes. */
const secretsMax = 100_000;

export function createMemoryLineStore(nowMs: () => number): LineStore {
  const server = `memory ${crypto.randomUUID()}`;
  const values = new Map<string, { value: string; version: number }>();
  const logs = new Map<string, Map<number, LogPart>>();
  const secrets = new Map<string, { value: string; untilMs: number }>();

  function secretOf(name: string): string | undefined {
    const secret = secrets.get(name);
    if (secret === undefined || secret.untilMs > nowMs()) return secret?.value;
    secrets.delete(name);
    return undefined;
  }

  return {
    async read(room) {
      const { value = null, version = 0 } = values.get(room) ?? {};
      return { value, version, server, wallMs: nowMs() };
    },
    async write(room, from, value) {
      if (from.server !== server || from.version !== (values.get(room)?.version ?? 0)) return undefined;
      values.set(room, { value, version: from.version + 1 });
      return from.version + 1;
    },
    async appendLeaves(room, at, leaves) {
      const log = logs.get(room) ?? new Map<number, LogPart>();
      logs.set(room, log);
      for (let done = 0; done < leaves.length / leafBytes; ) {
        const first = (at + done) % partLeaves;
        const index = Math.floor((at + done) / partLeaves);
        const count = Math.min(partLeaves - first, leaves.length / leafBytes - done);
        const part = log.get(index) ?? {
          bytes: new Uint8Array(partLeaves * leafBytes),
          isThere: new Uint8Array(partLeaves),
        };
        log.set(index, part);
        part.bytes.set(leaves.subarray(done * leafBytes, (done + count) * leafBytes), first * leafBytes);
        part.isThere.fill(1, first, first + count);
        done += count;
      }
    },
    async readLeaves(room, from, to) {
      const log: ReadonlyMap<number, LogPart> = logs.get(room) ?? new Map();
      const leaves = new Uint8Array((to - from) * leafBytes);
      for (let at = from; at < to; at++) {
        const part = log.get(Math.floor(at / partLeaves));
        const place = at % partLeaves;
        if (part?.isThere[place] !== 1) return leaves.slice(0, (at - from) * leafBytes);
        leaves.set(part.bytes.subarray(place * leafBytes, (place + 1) * leafBytes), (at - from) * leafBytes);
      }
      return leaves;
    },
    async putOnce(name, value, seconds) {
      if (secretOf(name) !== undefined) return false;
      if (secrets.size >= secretsMax) {
        for (const [other, { untilMs }] of secrets) if (untilMs <= nowMs()) secrets.delete(other);
        const oldest = secrets.keys().next().value;
        if (secrets.size >= secretsMax && oldest !== undefined) secrets.delete(oldest);
      }
      secrets.delete(name);
      secrets.set(name, { value, untilMs: nowMs() + seconds * 1000 });
      return true;
    },
    async takeOnce(name) {
      const value = secretOf(name);
      secrets.delete(name);
      return value;
    },
    async close() {},
  };
}
