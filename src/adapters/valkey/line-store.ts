/**
 * The line's store on Valkey or Redis (7 or newer), where several edges agree.
 *
 * Every call is one command or one script, so that it happens whole or not at all, and the server says in the same script which run of it
 * this is: a restarted or promoted server is never taken for the one before. Nothing waits longer than the time-out, nothing is sent twice, and nothing is
 * queued while there is no connection.
 *
 *   absent -> connecting -> open -> absent again, when it closes or one answer is late: whatever else waits on it is rejected with it
 *
 * A late answer ends the connection because a stopped or unreachable server looks just like a slow one, and what would queue up
 * behind it would be carried out at once, and too late, when it comes back.
 */
import { RedisClient } from "bun";
import type { LineStore, StoredLine } from "#edge/waiting-room/ports.ts";

export type ValkeyOptions = {
  /** redis://user:password@host:6379/0, rediss:// over TLS. */
  readonly url: string;
  /** In front of every key. */
  readonly prefix?: string;
  /** For connecting, and again for an answer. */
  readonly timeoutMs?: number;
};

/** An edge sends tens of calls a second; so many at once means that none is answered. */
const underWayMax = 1024;
/** Leaves of one key: 128 KB, so that none of them is moved often as it grows. */
const chunkLeaves = 4096;
const leafBytes = 32;
/** What nobody has written to for so long belongs to a sale that is over. */
const keptSeconds = 30 * 24 * 3600;

const serverName = `local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if not server then return redis.error_reply('this store does not tell its run_id') end
local time = redis.call('TIME')
`;

/** No turn is longer, whoever has taken it and died; and none is waited for longer, in all. */
const turnMaxMs = 500;
/** Whose turn it is not looks again after this time. */
const lookAgainMs = 5;

/** Milliseconds that somebody else's turn may still last. One that seems to be longer than any is from before the clock was set. */
const turnOfOthers = `local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local turn = redis.call('HMGET', KEYS[1], 'turn', 'turnUntil')
local othersMs = (tonumber(turn[2]) or 0) - nowMs
if not turn[1] or turn[1] == ARGV[1] or othersMs > ${turnMaxMs} then othersMs = 0 end
`;

const readScript = `${serverName}${turnOfOthers}
if othersMs <= 0 and tonumber(ARGV[2]) > 0 then
  redis.call('HSET', KEYS[1], 'turn', ARGV[1], 'turnUntil', string.format('%.0f', nowMs + ARGV[2]))
  redis.call('EXPIRE', KEYS[1], ${keptSeconds})
end
local line = redis.call('HMGET', KEYS[1], 'value', 'version')
return {line[1], line[2] or '0', server, nowMs, math.max(0, othersMs)}`;

/**
 * Versions are microseconds of the store's clock, or one more than the last where that has not moved on: so after a flush none comes again that an edge
 * may still hold.
 */
const writeScript = `${serverName}${turnOfOthers}
local version = redis.call('HGET', KEYS[1], 'version') or '0'
if othersMs > 0 or server ~= ARGV[2] or version ~= ARGV[3] then return false end
local following = string.format('%.0f', math.max(tonumber(version) + 1, time[1] * 1000000 + time[2]))
redis.call('HSET', KEYS[1], 'value', ARGV[4], 'version', following)
redis.call('HDEL', KEYS[1], 'turn', 'turnUntil')
redis.call('EXPIRE', KEYS[1], ${keptSeconds})
return following`;

export function createLineStore({ url, prefix = "spillway:", timeoutMs = 250 }: ValkeyOptions): LineStore {
  let connection: RedisClient | undefined;
  let opening: Promise<RedisClient> | undefined;
  let underWay = 0;
  const reader = crypto.randomUUID();
  /** How long the last write took, there and back: a turn must outlast that. */
  let tripMs = 0;
  let isClosed = false;

  const open = async (): Promise<RedisClient> => {
    if (isClosed) throw new Error("The line's store is closed.");
    if (connection?.connected === true) return connection;
    opening ??= connect().finally(() => {
      opening = undefined;
    });
    return await opening;
  };

  const connect = async (): Promise<RedisClient> => {
    const client = new RedisClient(url, {
      connectionTimeout: timeoutMs,
      autoReconnect: false,
      enableOfflineQueue: false,
    });
    connection = client;
    try {
      await within(client, client.connect());
    } catch (cause) {
      throw new Error("The line's store cannot be reached; check its address and password, and whether it runs.", {
        cause,
      });
    }
    return client;
  };

  const within = async <T>(client: RedisClient, answer: Promise<T>): Promise<T> => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error(`The line's store has not answered within ${timeoutMs} ms.`));
      client.close();
    }, timeoutMs);
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };

  /** What is rejected has not been sent, or is not waited for any longer: nothing is sent after that. */
  const call = async <T>(send: (client: RedisClient) => Promise<T>): Promise<T> => {
    if (underWay >= underWayMax)
      throw new Error(`The line's store has not answered ${underWayMax} calls; no more are sent.`);
    underWay += 1;
    try {
      const client = await open();
      return await within(client, send(client));
    } finally {
      underWay -= 1;
    }
  };

  const lineKey = (room: string) => `${prefix}${room}:line`;
  const leavesKey = (room: string, chunk: number) => `${prefix}${room}:leaves:${chunk}`;

  return {
    async read(room, inTurn = false) {
      const turnMs = inTurn ? Math.min(turnMaxMs, Math.ceil(2 * tripMs) + 20) : 0;
      for (let waitedMs = 0; ; waitedMs += lookAgainMs) {
        const [value, version, server, wallMs, othersMs] = await call<[string | null, string, string, number, number]>(
          (client) => client.send("EVAL", [readScript, "1", lineKey(room), reader, String(turnMs)]),
        );
        if (!inTurn || othersMs === 0 || waitedMs >= turnMaxMs)
          return { value, version: Number(version), server, wallMs } satisfies StoredLine;
        await Bun.sleep(Math.min(othersMs, lookAgainMs));
      }
    },

    async write(room, from, value) {
      const beganMs = performance.now();
      const version = await call<string | null>((client) =>
        client.send("EVAL", [writeScript, "1", lineKey(room), reader, from.server, String(from.version), value]),
      );
      tripMs = performance.now() - beganMs;
      return version === null ? undefined : Number(version);
    },

    async appendLeaves(room, at, leaves) {
      for (const { chunk, from, to } of chunksOf(at, at + leaves.length / leafBytes)) {
        const start = chunk * chunkLeaves;
        const bytes = leaves.subarray((start + from - at) * leafBytes, (start + to - at) * leafBytes);
        const key = leavesKey(room, chunk);
        await call(async (client) => {
          // Sent together. The types want texts, but bytes go as they are.
          const set = client.send("SETRANGE", [key, String(from * leafBytes), bytes as unknown as string]);
          await Promise.all([set, client.expire(key, keptSeconds)]);
        });
      }
    },

    async readLeaves(room, from, to) {
      const found: Uint8Array[] = [];
      for (const { chunk, from: first, to: last } of chunksOf(from, to)) {
        const stored = await call((client) => client.getBuffer(leavesKey(room, chunk)));
        const leaves = untilGap((stored ?? new Uint8Array()).subarray(first * leafBytes, last * leafBytes));
        found.push(leaves);
        if (leaves.length < (last - first) * leafBytes) break;
      }
      return new Uint8Array(Buffer.concat(found));
    },

    async putOnce(name, value, seconds) {
      const set = await call((client) =>
        client.send("SET", [`${prefix}once:${name}`, value, "NX", "EX", `${seconds}`]),
      );
      return set === "OK";
    },

    async takeOnce(name) {
      return (await call((client) => client.getdel(`${prefix}once:${name}`))) ?? undefined;
    },

    async close() {
      isClosed = true;
      connection?.close();
    },
  };
}

/** Leaves from and to, as places within each key that holds some of them. */
function* chunksOf(from: number, to: number): Generator<{ chunk: number; from: number; to: number }> {
  for (let at = from; at < to; ) {
    const chunk = Math.floor(at / chunkLeaves);
    const start = chunk * chunkLeaves;
    const end = Math.min(to, start + chunkLeaves);
    yield { chunk, from: at - start, to: end - start };
    at = end;
  }
}

/** The server fills what was skipped with zeros, which no hash is. */
function untilGap(leaves: Uint8Array): Uint8Array {
  const whole = leaves.length - (leaves.length % leafBytes);
  for (let at = 0; at < whole; at += leafBytes) {
    if (leaves.subarray(at, at + leafBytes).every((byte) => byte === 0)) return leaves.subarray(0, at);
  }
  return leaves.subarray(0, whole);
}
