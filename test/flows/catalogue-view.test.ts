/** The catalogue in a process's memory: read once for everybody, followed by the database's clock, never half of two readings. */
import { describe, expect, test } from "bun:test";
import type { CatalogueRows, CatalogueStore } from "#commerce/catalogue/ports.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import { CatalogueView } from "#flows/catalogue-view.ts";

function stage(options: { databaseAheadMs?: number } = {}) {
  let nowMs = 1_000_000;
  let revision = 1;
  let reads = 0;
  let fails = false;
  let pause: Promise<void> = Promise.resolve();
  let told: () => void = () => undefined;
  let promotionEndsAtMs = Number.MAX_SAFE_INTEGER;
  const rows = (): CatalogueRows => ({
    revision,
    databaseNowMs: nowMs + (options.databaseAheadMs ?? 0),
    settings: { ...defaultSettings, name: `revision ${revision}` },
    products: [],
    collections: [],
    promotions: [
      {
        id: 1,
        code: "TEN",
        kind: "percent",
        value: 10,
        minimumSubtotal: 0,
        startsAtMs: 0,
        endsAtMs: promotionEndsAtMs,
        limitPerPerson: null,
      },
    ],
  });
  const store = {
    async read() {
      reads += 1;
      const read = rows();
      await pause;
      if (fails) throw new Error("the database is away");
      return read;
    },
    async changed(listener: () => void) {
      told = listener;
      return { stop: async () => undefined };
    },
  } as unknown as CatalogueStore;
  const view = new CatalogueView(store, { now: () => nowMs, sleep: async () => undefined });
  return {
    view,
    reads: () => reads,
    name: () => view.snapshot().settings.name,
    change: () => {
      revision += 1;
    },
    tell: () => told(),
    fail: (isFailing: boolean) => {
      fails = isFailing;
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      pause = promise;
      return resolve;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
    endsAt: (ms: number) => {
      promotionEndsAtMs = ms;
    },
  };
}

test("before the first reading the shop says that it is starting, and when to come again", () => {
  expect(() => stage().view.snapshot()).toThrow(
    expect.objectContaining({ code: "database_unavailable", retryAfterSeconds: 1 }),
  );
});

test("the same reading is the same snapshot, whoever looks", async () => {
  const { view } = stage();
  await view.start();
  expect(view.snapshot()).toBe(view.snapshot());
});

describe("a change", () => {
  test("that is told is read, while the old reading goes on serving", async () => {
    const { view, name, change, tell, hold } = stage();
    await view.start();
    change();
    const release = hold();
    tell();
    await Bun.sleep(1);
    expect(name()).toBe("revision 1");
    release();
    await Bun.sleep(1);
    expect(name()).toBe("revision 2");
    await view.stop();
  });

  test("that comes while one is being read is not missed: whoever asks waits for the reading after it", async () => {
    const { view, name, change, hold, reads } = stage();
    await view.start();
    change();
    const release = hold();
    const first = view.refresh();
    change();
    const second = view.refresh();
    const third = view.refresh();
    release();
    await Promise.all([first, second, third]);
    expect([name(), reads()]).toEqual(["revision 3", 3]);
  });

  test("that cannot be read leaves the old one, and the next is read again", async () => {
    const { view, name, change, tell, fail } = stage();
    await view.start();
    change();
    fail(true);
    expect(await view.refresh().catch((error: Error) => error.message)).toContain("away");
    tell();
    await Bun.sleep(1);
    expect(name()).toBe("revision 1");
    fail(false);
    tell();
    await Bun.sleep(1);
    expect(name()).toBe("revision 2");
  });
});

describe("time", () => {
  test("is the database's, however wrong the process's own clock is", async () => {
    const { view, endsAt } = stage({ databaseAheadMs: 3_600_000 });
    endsAt(4_700_000);
    await view.start();
    expect(view.snapshot().nowMs).toBe(4_600_000);
    expect(view.snapshot().reading.validUntil).toBe(4700);
  });

  test("brings a scheduled change at its moment, without asking the database again", async () => {
    const { view, endsAt, pass, reads } = stage();
    endsAt(1_000_500);
    await view.start();
    const before = view.snapshot();
    pass(499);
    expect(view.snapshot()).toBe(before);
    pass(1);
    const after = view.snapshot();
    expect([after.reading.validFrom, reads()]).toEqual([1000.5, 1]);
    // A clock that is set back has its old prices again.
    pass(-1);
    expect(view.snapshot().reading).toEqual(before.reading);
  });

  test("that a reading takes does not put what goes on sale off by as long", async () => {
    const { view, endsAt, pass, hold } = stage();
    endsAt(1_000_500);
    const release = hold();
    const starting = view.start();
    await Bun.sleep(1);
    pass(400);
    release();
    await starting;
    expect(view.snapshot().nowMs).toBe(1_000_400);
  });
});
