/** A worker takes what is due, as much as it may at once, says what became of it, and leaves nothing hanging when it stops. */
import { describe, expect, test } from "bun:test";
import type { Outbox, Task } from "#commerce/outbox/ports.ts";
import { OutboxWorker, type TaskHandler } from "#flows/work-outbox.ts";
import type { Clock } from "#kernel/clock.ts";

const lanesByNumber = ["payments", "notices", "rest"] as const;

function stage(handlers: Record<string, TaskHandler>, concurrency = { payments: 2, notices: 1, rest: 1 }) {
  const waiting: Task[] = [];
  const ended: string[] = [];
  const failed: string[] = [];
  let wake: () => void = () => undefined;
  let isAway = false;
  let ids = 0;
  const outbox: Outbox = {
    async take(lane, limit) {
      if (isAway) throw new Error("the database is away");
      const due = waiting.filter((task) => lanesByNumber[task.lane] === lane).slice(0, limit);
      for (const task of due) waiting.splice(waiting.indexOf(task), 1);
      return due;
    },
    async done(task) {
      ended.push(`${task.topic} ${task.id} done`);
    },
    async putOff(task, delaySeconds, reason) {
      ended.push(`${task.topic} ${task.id} put off ${delaySeconds ?? "for ever"}: ${reason}`);
    },
    async woken(listener) {
      wake = listener;
      return { stop: async () => undefined };
    },
    depth: async () => [],
  };
  /** Looks come only when the test says so. */
  const sleepers = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        sleepers.add(resolve);
        signal?.addEventListener("abort", () => resolve(), { once: true });
      }),
  };
  const worker = new OutboxWorker({
    outbox,
    clock,
    handlers,
    concurrency,
    leaseSeconds: 60,
    onError: (task) => failed.push(task.topic),
  });
  return {
    worker,
    ended,
    failed,
    add(topic: string, lane: 0 | 1 | 2 = 0, attempts = 1) {
      ids += 1;
      waiting.push({ lane, priority: 2, leasedUntil: "", id: String(ids), topic, orderId: 1, payload: {}, attempts });
    },
    wake: () => wake(),
    look() {
      for (const sleeper of sleepers) sleeper();
      sleepers.clear();
    },
    away: (is: boolean) => {
      isAway = is;
    },
    left: () => waiting.length,
  };
}

const soon = async () => await Bun.sleep(2);

describe("a task", () => {
  test("is run when the worker starts, when it is woken, and at the next look at the latest", async () => {
    const { worker, add, wake, look, ended } = stage({ pay: async () => "settled" });
    add("pay");
    await worker.start();
    await soon();
    add("pay");
    wake();
    await soon();
    add("pay");
    look();
    await soon();
    expect(ended).toEqual(["pay 1 done", "pay 2 done", "pay 3 done"]);
    expect(worker.done).toEqual({ pay: 3 });
    await worker.stop();
  });

  test("that is not settled is put off as long as its handler says", async () => {
    const { worker, add, ended } = stage({ expire: async () => ({ againInSeconds: 30 }) });
    add("expire");
    await worker.start();
    await soon();
    expect(ended).toEqual(["expire 1 put off 30: not settled yet"]);
    await worker.stop();
  });

  test("that fails is put off longer each time, told of, and parked for an operator in the end", async () => {
    const { worker, add, ended, failed } = stage({
      pay: async () => {
        throw new Error("no");
      },
    });
    for (const attempts of [1, 3, 8, 30, 49, 50, 60]) add("pay", 0, attempts);
    await worker.start();
    await soon();
    expect(ended.map((end) => end.replace(/pay \d+ put off /, ""))).toEqual([
      "2: no",
      "8: no",
      "256: no",
      "256: no",
      "256: no",
      "for ever: no",
      "for ever: no",
    ]);
    expect([failed.length, worker.failed]).toEqual([7, { pay: 7 }]);
    await worker.stop();
  });

  test("of a topic that nobody knows is put off with its name, and hinders nothing", async () => {
    const { worker, add, ended } = stage({ pay: async () => "settled" });
    add("dance");
    add("pay");
    await worker.start();
    await soon();
    expect(ended.sort()).toEqual(['dance 1 put off 2: no handler for the topic "dance"', "pay 2 done"]);
    await worker.stop();
  });
});

describe("at once", () => {
  test("run as many of a lane as it may, and one lane never waits for another", async () => {
    const running: string[] = [];
    const release: (() => void)[] = [];
    const handler: TaskHandler = async (task) => {
      running.push(task.topic);
      await new Promise<void>((resolve) => release.push(resolve));
      return "settled";
    };
    const { worker, add, left, ended } = stage({ pay: handler, notice: handler });
    for (let count = 0; count < 5; count++) add("pay");
    add("notice", 1);
    await worker.start();
    await soon();
    expect([running.sort(), left()]).toEqual([["notice", "pay", "pay"], 3]);
    release.shift()?.();
    await soon();
    // Its place is taken by the next, without a look or a wake.
    expect([running.length, left()]).toEqual([4, 2]);
    while (release.length > 0) {
      release.shift()?.();
      await soon();
    }
    expect([ended.length, left()]).toEqual([6, 0]);
    await worker.stop();
  });
});

describe("stopping", () => {
  test("takes nothing more, waits for what runs, and tells what became of it", async () => {
    let release: () => void = () => undefined;
    const { worker, add, wake, ended, left } = stage({
      pay: async () => {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return "settled";
      },
    });
    add("pay");
    await worker.start();
    await soon();
    let isStopped = false;
    const stopping = worker.stop().then(() => {
      isStopped = true;
    });
    add("pay");
    wake();
    await soon();
    expect([isStopped, left()]).toEqual([false, 1]);
    release();
    await stopping;
    expect([ended, left()]).toEqual([["pay 1 done"], 1]);
  });
});

test("a database that is away is asked again at the next look, and nothing is lost", async () => {
  const { worker, add, away, look, ended } = stage({ pay: async () => "settled" });
  away(true);
  add("pay");
  await worker.start();
  await soon();
  look();
  await soon();
  expect(ended).toEqual([]);
  away(false);
  look();
  await soon();
  expect(ended).toEqual(["pay 1 done"]);
  await worker.stop();
});
