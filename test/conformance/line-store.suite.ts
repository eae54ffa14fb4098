/**
 * What the store of the waiting room's line promises (src/edge/waiting-room/ports.ts), for every kind of it; and for those on a server, what
 * becomes of the promises when that server is killed, flushed, stopped or out of reach.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { LineStore, StoredLine } from "#edge/waiting-room/ports.ts";

export type LineStoreSubject = {
  /** As another edge has it: its own connection to the same. */
  open(): LineStore;
  close(): Promise<void>;
};

export type ServerSubject = LineStoreSubject & {
  kill(): Promise<void>;
  start(): Promise<void>;
  /** kill -9, and started again empty. */
  restart(): Promise<void>;
  /** kill -9, and started again with everything as it was. */
  restartWhole(): Promise<void>;
  flush(): Promise<void>;
  pause(): void;
  resume(): void;
  /** What is said to the server arrives, its answers get lost. */
  losingReplies(run: (store: LineStore) => Promise<void>): Promise<void>;
  /** Nothing gets through, either way. */
  unreachable(run: (store: LineStore) => Promise<void>): Promise<void>;
};

/** Far more than these calls may take together: hanging is failing. */
const boundMs = 10_000;

export function describeLineStore(name: string, make: () => Promise<LineStoreSubject>): void {
  describe(`the line's store: ${name}`, () => {
    let subject: LineStoreSubject;
    const opened: LineStore[] = [];
    const open = (): LineStore => {
      const store = subject.open();
      opened.push(store);
      return store;
    };
    let store: LineStore;
    let room: string;
    let rooms = 0;

    beforeAll(async () => {
      subject = await make();
      store = open();
    });
    afterAll(async () => {
      for (const one of opened) await one.close();
      await subject.close();
    });
    beforeEach(() => {
      rooms += 1;
      room = `room-${rooms}.1`;
    });

    test("a room of which nothing was written has nothing, at version 0", async () => {
      const first = await store.read(room);
      expect(first).toMatchObject({ value: null, version: 0 });
      expect(first.server).not.toBe("");
      expect(Number.isInteger(first.wallMs)).toBe(true);
    });

    test("what one edge writes, the others read, and versions rise with each change", async () => {
      const other = open();
      let last = await store.read(room);
      for (const value of ["{}", '{"title":"Übergröße 👟"}', "x".repeat(100_000), ""]) {
        const written = await store.write(room, last, value);
        const now = await other.read(room);
        expect(now.value).toBe(value);
        expect(now.version).toBe(written as number);
        expect(now.version).toBeGreaterThan(last.version);
        expect(now.server).toBe(last.server);
        last = now;
      }
    });

    test("a write from an older reading changes nothing", async () => {
      const first = await store.read(room);
      expect(await store.write(room, first, "one")).toBeGreaterThan(0);
      expect(await store.write(room, first, "two")).toBeUndefined();
      expect(
        await store.write(room, { ...first, version: (await store.read(room)).version + 1 }, "three"),
      ).toBeUndefined();
      expect((await store.read(room)).value).toBe("one");
    });

    test("a write that means another server changes nothing", async () => {
      const first = await store.read(room);
      expect(await store.write(room, { ...first, server: `${first.server}0` }, "one")).toBeUndefined();
      expect((await store.read(room)).value).toBeNull();
    });

    test("of many who change it at once, each change is made on the one before", async () => {
      const edges = Array.from({ length: 8 }, open);
      await Promise.all(
        edges.map(async (edge) => {
          for (let done = 0; done < 25; ) {
            const now = await edge.read(room);
            if ((await edge.write(room, now, String(Number(now.value ?? "0") + 1))) !== undefined) done += 1;
          }
        }),
      );
      expect((await store.read(room)).value).toBe("200");
    });

    test("one room's line is none of another's", async () => {
      const [one, two] = [`${room}a`, `${room}b`];
      await store.write(one, await store.read(one), "one");
      expect((await store.read(two)).value).toBeNull();
      await store.appendLeaves(one, 0, leaf(1));
      expect(await store.readLeaves(two, 0, 1)).toHaveLength(0);
    });

    test("leaves come back as they were appended, whichever edge appends them, in whatever pieces and order", async () => {
      const other = open();
      const pieces = fc.array(fc.record({ at: fc.nat(9000), count: fc.integer({ min: 1, max: 5000 }) }), {
        minLength: 1,
        maxLength: 4,
      });
      let run = 0;
      await fc.assert(
        fc.asyncProperty(pieces, fc.nat(9000), fc.nat(9000), async (appended, from, count) => {
          const log = `${room}-${run++}`;
          const there = new Set<number>();
          for (const piece of appended) {
            const numbers = Array.from({ length: piece.count }, (_, index) => piece.at + index);
            for (const number of numbers) there.add(number);
            await other.appendLeaves(log, piece.at, new Uint8Array(Buffer.concat(numbers.map(leaf))));
          }
          const expected: Uint8Array[] = [];
          for (let number = from; number < from + count && there.has(number); number++) expected.push(leaf(number));
          const read = await store.readLeaves(log, from, from + count);
          expect(Buffer.from(read).equals(Buffer.concat(expected))).toBe(true);
        }),
        { numRuns: 15 },
      );
    });

    test("a secret is noted once and taken once", async () => {
      const other = open();
      const noted = await Promise.all([store, other].map((edge, index) => edge.putOnce(room, `by ${index}`, 60)));
      expect(noted.toSorted()).toEqual([false, true]);
      const taken = await Promise.all([store.takeOnce(room), other.takeOnce(room)]);
      expect(taken.filter((value) => value !== undefined)).toEqual([`by ${noted.indexOf(true)}`]);
      expect(await store.putOnce(room, "again", 60)).toBe(true);
    });

    test("a secret is forgotten after its time", async () => {
      await store.putOnce(room, "soon gone", 1);
      await Bun.sleep(1200);
      expect(await store.takeOnce(room)).toBeUndefined();
      expect(await store.putOnce(room, "another", 60)).toBe(true);
    });
  });
}

export function describeLineStoreServer(name: string, make: () => Promise<ServerSubject>): void {
  describe(`the line's store in trouble: ${name}`, () => {
    let server: ServerSubject;
    let store: LineStore;
    beforeAll(async () => {
      server = await make();
      store = server.open();
    });
    afterAll(async () => {
      await store.close();
      await server.close();
    });
    let room: string;
    let rooms = 0;
    beforeEach(() => {
      rooms += 1;
      room = `trouble-${rooms}.1`;
    });

    const everyCall = (edge: LineStore): Promise<unknown>[] => [
      edge.read(room),
      edge.write(room, { version: 0, server: "any" }, "value"),
      edge.appendLeaves(room, 0, leaf(1)),
      edge.readLeaves(room, 0, 1),
      edge.putOnce(room, "value", 60),
      edge.takeOnce(room),
    ];

    test("a server that was killed and started again is another one, and takes no write that was meant for the one before", async () => {
      await store.write(room, await store.read(room), "before");
      const before = await store.read(room);
      await server.restart();
      const after = await readAgain(store, room);
      expect(after).toMatchObject({ value: null, version: 0 });
      expect(after.server).not.toBe(before.server);
      expect(await store.write(room, before, "late")).toBeUndefined();
      expect(await store.write(room, { ...before, version: 0 }, "late")).toBeUndefined();
      expect(await store.write(room, after, "made again")).toBeGreaterThan(0);
    });

    test("also when it comes back with everything that it had: its last writes may be missing", async () => {
      await store.write(room, await store.read(room), "before");
      const before = await store.read(room);
      await server.restartWhole();
      const after = await readAgain(store, room);
      expect(after).toMatchObject({ value: "before", version: before.version });
      expect(after.server).not.toBe(before.server);
      expect(await store.write(room, before, "late")).toBeUndefined();
      expect(await store.write(room, after, "made again")).toBeGreaterThan(0);
    });

    test("after a flush no version comes again, so that what was read before it can change nothing", async () => {
      const held: StoredLine[] = [];
      for (let change = 0; change < 3; change++) {
        await store.write(room, await store.read(room), `before ${change}`);
        held.push(await store.read(room));
      }
      await server.flush();
      for (let change = 0; change < 3; change++) {
        for (const before of held) expect(await store.write(room, before, "late")).toBeUndefined();
        expect(await store.write(room, await store.read(room), `made again ${change}`)).toBeGreaterThan(0);
      }
      expect((await store.read(room)).value).toBe("made again 2");
    });

    test(
      "while it is stopped every call is rejected in time, and when it goes on so does the store",
      async () => {
        await store.read(room);
        server.pause();
        try {
          expect(await fates([...everyCall(store), ...everyCall(server.open())])).toEqual(Array(12).fill("rejected"));
        } finally {
          server.resume();
        }
        await readAgain(store, room);
      },
      boundMs,
    );

    test(
      "however many calls are made while it is stopped, each is rejected in time and none is kept for later",
      async () => {
        await store.read(room);
        server.pause();
        try {
          for (let round = 0; round < 3; round++) {
            const calls = Array.from({ length: 5000 }, () => store.putOnce(`${room} ${round}`, "value", 60));
            expect(new Set(await fates(calls))).toEqual(new Set(["rejected"]));
          }
        } finally {
          server.resume();
        }
        await readAgain(store, room);
        // What had been sent before the first answer was late may still be carried out.
        const kept = await Promise.all([1, 2].map((round) => store.takeOnce(`${room} ${round}`)));
        expect(kept).toEqual([undefined, undefined]);
      },
      boundMs,
    );

    test(
      "a write whose answer is lost is rejected, was made, and is not made again",
      async () => {
        const before = await store.read(room);
        await server.losingReplies(async (edge) => {
          expect(await fates([edge.write(room, before, "once")])).toEqual(["rejected"]);
        });
        expect((await store.read(room)).value).toBe("once");
        expect(await store.write(room, before, "twice")).toBeUndefined();
      },
      boundMs,
    );

    test(
      "where nothing gets through, every call is rejected in time, and nothing arrives later",
      async () => {
        const before = await store.read(room);
        await server.unreachable(async (edge) => {
          expect(await fates([edge.write(room, before, "late"), ...everyCall(edge)])).toEqual(
            Array(7).fill("rejected"),
          );
        });
        expect((await store.read(room)).value).toBeNull();
      },
      boundMs,
    );

    test(
      "a server that is gone rejects every call, and the store finds the one that comes after it by itself",
      async () => {
        await store.read(room);
        await server.kill();
        try {
          for (let round = 0; round < 3; round++) {
            expect(new Set(await fates(everyCall(store)))).toEqual(new Set(["rejected"]));
          }
        } finally {
          await server.start();
        }
        expect(await readAgain(store, room)).toMatchObject({ value: null });
      },
      boundMs,
    );

    test(
      "an edge that takes long to write gets its turn beside others that never pause",
      async () => {
        let isOver = false;
        const change = async (edge: LineStore, pauseMs: number): Promise<void> => {
          for (let tries = 0; tries < 100; tries++) {
            const now = await edge.read(room, tries > 0);
            if (pauseMs > 0) await Bun.sleep(pauseMs);
            if ((await edge.write(room, now, String(Number(now.value ?? "0") + 1))) !== undefined) return;
          }
          throw new Error("Others were quicker a hundred times.");
        };
        const busy = [server.open(), server.open()].map(async (edge) => {
          let changes = 0;
          for (; !isOver; changes += 1) await change(edge, 0);
          return changes;
        });
        const slow = server.open();
        try {
          for (let changes = 0; changes < 5; changes++) await change(slow, 15);
        } finally {
          isOver = true;
        }
        const changes = (await Promise.all(busy)).reduce((sum, count) => sum + count, 5);
        expect((await store.read(room)).value).toBe(String(changes));
      },
      boundMs,
    );

    test(
      "a turn that its reader does not use ends by itself",
      async () => {
        const gone = server.open();
        const seen = await gone.read(room, true);
        expect(await store.write(room, await store.read(room, true), "after it")).toBeGreaterThan(0);
        expect(await gone.write(room, seen, "late")).toBeUndefined();
        expect(await gone.write(room, await gone.read(room, true), "its own")).toBeGreaterThan(0);
      },
      boundMs,
    );

    test("a store that was closed rejects every call and connects no more", async () => {
      const edge = server.open();
      await edge.read(room);
      await edge.close();
      expect(await fates(everyCall(edge))).toEqual(Array(6).fill("rejected"));
    });
  });
}

const fates = async (calls: readonly Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(calls)).map(({ status }) => (status === "fulfilled" ? "resolved" : status));

/** The first call after a loss may be the one that notices it. */
async function readAgain(store: LineStore, room: string): Promise<StoredLine> {
  for (let tries = 0; ; tries++) {
    try {
      return await store.read(room);
    } catch (error) {
      if (tries >= 20) throw error;
      await Bun.sleep(50);
    }
  }
}

/** As different as hashes are. */
function leaf(number: number): Uint8Array {
  const bytes = new Uint8Array(32).fill(number % 251);
  new DataView(bytes.buffer).setUint32(0, number + 1);
  return bytes;
}
