/** One body for many readers: all of it for each, at their own pace, in bounded memory. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sizeOf } from "./body.ts";
import { SharedBody } from "./shared-body.ts";

const settled = async () => await Bun.sleep(1);

function filled(given: { bytesMax?: number; bytesExpected?: number; mayGrow?: (bytes: number) => boolean } = {}) {
  let source: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  const seen = { pulled: 0, isCancelled: false, ends: [] as (number | undefined)[], released: 0 };
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        source = controller;
      },
      pull() {
        seen.pulled += 1;
      },
      cancel() {
        seen.isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const body = new SharedBody(stream, {
    bytesMax: given.bytesMax ?? 1000,
    bytesExpected: given.bytesExpected,
    mayGrow: given.mayGrow ?? (() => true),
    release: (bytes) => {
      seen.released += bytes;
    },
    onEnd: (whole) => {
      seen.ends.push(whole === undefined ? undefined : sizeOf(whole));
    },
  });
  return {
    body,
    seen,
    send: async (bytes: number) => {
      source?.enqueue(new Uint8Array(bytes).fill(65));
      await settled();
    },
    close: async () => {
      source?.close();
      await settled();
    },
    fail: async () => {
      source?.error(new Error("reset"));
      await settled();
    },
  };
}

const sizeRead = async (stream: ReadableStream<Uint8Array>): Promise<number | string> => {
  try {
    let bytes = 0;
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) bytes += chunk.length;
    return bytes;
  } catch (error) {
    return error instanceof Error ? error.message : "?";
  }
};

test("readers who come early, in the middle and at the end read all of it", async () => {
  const { body, seen, send, close } = filled();
  const early = sizeRead(body.stream());
  await send(100);
  const middle = sizeRead(body.stream());
  await send(200);
  await close();
  expect(body.canJoin).toBe(true);
  expect(await Promise.all([early, middle, sizeRead(body.stream())])).toEqual([300, 300, 300]);
  expect([seen.ends, seen.released]).toEqual([[300], 300]);
});

test("it is filled though nobody reads, as long as it may be stored", async () => {
  const { body, seen, send, close } = filled();
  await body.stream().cancel();
  await send(100);
  await close();
  expect(seen.ends).toEqual([100]);
});

describe("beyond its bound", () => {
  test("nobody may join, it is not stored, and it goes at its readers' pace", async () => {
    const { body, seen, send, close } = filled({ bytesMax: 250 });
    const reader = body.stream().getReader();
    await send(200);
    await send(100);
    expect([body.canJoin, seen.ends]).toEqual([false, [undefined]]);
    const pulled = seen.pulled;
    await send(100);
    // One chunk is ahead of the reader, no more.
    expect(seen.pulled).toBe(pulled);
    let bytes = 0;
    for (let turn = 0; turn < 3; turn++) bytes += (await reader.read()).value?.length ?? 0;
    expect(bytes).toBe(400);
    const end = reader.read();
    await close();
    expect([(await end).done, seen.ends]).toEqual([true, [undefined]]);
  });

  test("one who lags too far behind is cut off; the other reads on", async () => {
    const { body, send, close } = filled({ bytesMax: 250 });
    const idle = body.stream();
    const busy = sizeRead(body.stream());
    for (let turn = 0; turn < 10; turn++) await send(100_000);
    await close();
    expect(await busy).toBe(1_000_000);
    expect(await sizeRead(idle)).toBe("Read too slowly: what was next is no longer held.");
  });

  test("the origin is left alone when the last reader has gone", async () => {
    const { body, seen, send } = filled({ bytesMax: 50 });
    const reader = body.stream();
    await send(100);
    await reader.cancel();
    await settled();
    expect(seen.isCancelled).toBe(true);
  });
});

test("without memory it passes on, and what it had is given back", async () => {
  let left = 150;
  const mayGrow = (bytes: number) => {
    left -= bytes;
    return left >= 0;
  };
  const { body, seen, send, close } = filled({ mayGrow });
  const size = sizeRead(body.stream());
  for (let turn = 0; turn < 3; turn++) await send(100);
  await close();
  expect([await size, seen.ends, seen.released]).toEqual([300, [undefined], 100]);
});

test("a body that breaks off, or is not as long as promised, is whole for nobody", async () => {
  for (const { given, end, message } of [
    { given: {}, end: "fail" as const, message: "reset" },
    { given: { bytesExpected: 200 }, end: "close" as const, message: "The origin promised 200 bytes and sent 100." },
  ]) {
    const shared = filled(given);
    const size = sizeRead(shared.body.stream());
    await shared.send(100);
    await shared[end]();
    expect([await size, shared.seen.ends]).toEqual([message, [undefined]]);
  }
});

test("whatever the sizes and whoever reads when, each reads all or is told", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 50, max: 600 }),
      fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 4 }),
      async (sizes, bytesMax, joins) => {
        const { body, seen, send, close } = filled({ bytesMax });
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const reading = [sizeRead(body.stream())];
        for (const [at, size] of sizes.entries()) {
          for (const join of joins) if (join === at && body.canJoin) reading.push(sizeRead(body.stream()));
          await send(size);
        }
        await close();
        // All of them read as fast as they can, so that nobody is cut off.
        expect(await Promise.all(reading)).toEqual(reading.map(() => total));
        expect(seen.ends).toEqual([total <= bytesMax ? total : undefined]);
      },
    ),
    { numRuns: 30 },
  );
});
