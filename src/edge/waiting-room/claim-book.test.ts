/** Two edges' books of claims over one store: what a flush of it may not bring about. */
import { expect, test } from "bun:test";
import { createMemoryLineStore } from "#adapters/system/line-store.ts";
import { ClaimBook } from "./claim-book.ts";
import type { LineStore } from "./ports.ts";

const untilMs = Date.UTC(2026, 10, 27, 10);

/** A store that can be flushed and stays the same server. */
function flushable(): { readonly store: LineStore; flush(): void } {
  let inner = createMemoryLineStore(Date.now);
  const server = "one";
  const innerOf = async (room: string) => (await inner.read(room)).server;
  return {
    store: {
      ...inner,
      read: async (room) => ({ ...(await inner.read(room)), server }),
      write: async (room, from, value) =>
        await inner.write(room, { version: from.version, server: await innerOf(room) }, value),
    },
    flush: () => {
      inner = createMemoryLineStore(Date.now);
    },
  };
}

function twoEdges() {
  const { store, flush } = flushable();
  const clock = { ms: 1000 };
  let marks = 0;
  const [first, second] = [1, 2].map(
    (owner) =>
      new ClaimBook({
        store,
        name: "drop.1",
        owner,
        roomMs: () => untilMs - 600_000 + clock.ms,
        monotonicMs: () => clock.ms,
        newMark: () => `m${++marks}`,
      }),
  ) as [ClaimBook, ClaimBook];
  return { first, second, flush, clock };
}

async function letIn(book: ClaimBook, rank: number): Promise<void> {
  expect(await book.claim(rank)).toBe("ours");
  book.admit(rank, untilMs);
  await Bun.sleep(1);
}

test("after a flush an edge notes nobody whom another may have let in, until that one has told", async () => {
  const { first, second, flush, clock } = twoEdges();
  await letIn(second, 2);
  await letIn(first, 1);
  flush();
  expect(await second.claim(1)).toBe("busy");
  // The other edge hears of the loss, too.
  clock.ms += 500;
  first.restore();
  await Bun.sleep(1);
  expect(await second.claim(1)).toMatchObject({ kind: "admitted", untilMs });
  expect(await second.claim(3)).toBe("busy");
  clock.ms += 5000;
  await letIn(second, 3);
});

test("an edge that has heard of a loss before it looks waits for the others just as long", async () => {
  const { first, second, flush, clock } = twoEdges();
  await letIn(second, 2);
  await letIn(first, 1);
  flush();
  second.restore();
  expect(await second.claim(1)).toBe("busy");
  clock.ms += 500;
  first.restore();
  await Bun.sleep(1);
  clock.ms += 5000;
  expect(await second.claim(1)).toMatchObject({ kind: "admitted", untilMs });
  await letIn(second, 3);
});
