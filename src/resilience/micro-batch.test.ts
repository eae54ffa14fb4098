/** Batches that grow with the load and never keep a lone order waiting: each answer to its own question, each question once. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MicroBatch } from "./micro-batch.ts";

/** Calls wait until they are told what to answer. */
function held(options: { batchMax?: number; queueMax?: number } = {}) {
  const calls: { items: readonly number[]; answer(): void; fail(error: Error): void }[] = [];
  const batch = new MicroBatch<number, string>({
    batchMax: options.batchMax ?? 100,
    queueMax: options.queueMax ?? 100,
    call: (items) =>
      new Promise((resolve, reject) => {
        calls.push({ items, answer: () => resolve(items.map((item) => `answer ${item}`)), fail: reject });
      }),
  });
  return { batch, calls };
}

/** Everything that can happen without a new call has happened. */
const settled = async () => await Bun.sleep(1);
const batchesOf = (calls: readonly { items: readonly number[] }[]) => calls.map(({ items }) => [...items]);

test("a lone arrival goes at once, alone", async () => {
  const { batch, calls } = held();
  const answer = batch.add(1);
  await settled();
  expect(batchesOf(calls)).toEqual([[1]]);
  calls[0]?.answer();
  expect(await answer).toBe("answer 1");
});

test("what arrives in one turn goes in one call", async () => {
  const { batch, calls } = held();
  for (const item of [1, 2, 3]) void batch.add(item);
  await settled();
  expect(batchesOf(calls)).toEqual([[1, 2, 3]]);
});

test("what arrives while a call is under way goes in the next, all of it, in its order", async () => {
  const { batch, calls } = held();
  const answers = [batch.add(1)];
  await settled();
  for (const item of [2, 3]) answers.push(batch.add(item));
  await settled();
  for (const item of [4]) answers.push(batch.add(item));
  expect([calls.length, batch.depth]).toEqual([1, 3]);
  calls[0]?.answer();
  await settled();
  expect(batchesOf(calls)).toEqual([[1], [2, 3, 4]]);
  calls[1]?.answer();
  expect(await Promise.all(answers as Promise<string>[])).toEqual(["answer 1", "answer 2", "answer 3", "answer 4"]);
});

test("a call is never larger than its bound, and the rest waits for the next", async () => {
  const { batch, calls } = held({ batchMax: 2 });
  for (const item of [1, 2, 3, 4, 5]) void batch.add(item);
  await settled();
  for (let call = 0; call < 3; call++) {
    calls[call]?.answer();
    await settled();
  }
  expect(batchesOf(calls)).toEqual([[1, 2], [3, 4], [5]]);
});

test("beyond the queue's bound nothing is taken, and it is said at once", async () => {
  const { batch, calls } = held({ queueMax: 2 });
  void batch.add(1);
  await settled();
  expect([batch.add(2), batch.add(3)].map((answer) => answer instanceof Promise)).toEqual([true, true]);
  expect([batch.add(4), batch.depth]).toEqual([undefined, 2]);
  calls[0]?.answer();
  await settled();
  expect(batchesOf(calls)).toEqual([[1], [2, 3]]);
  // There is room again.
  expect(batch.add(5)).toBeInstanceOf(Promise);
});

test("a call that fails refuses its own batch with its error, and the next goes on", async () => {
  const { batch, calls } = held();
  const refused = [batch.add(1), batch.add(2)].map(
    async (answer) => await answer?.catch((error: Error) => error.message),
  );
  await settled();
  const later = batch.add(3);
  calls[0]?.fail(new Error("the database is away"));
  expect(await Promise.all(refused)).toEqual(["the database is away", "the database is away"]);
  await settled();
  calls[1]?.answer();
  expect(await later).toBe("answer 3");
});

test("a call that throws before it begins is a call that failed", async () => {
  const batch = new MicroBatch<number, number>({
    batchMax: 1,
    queueMax: 1,
    call: () => {
      throw new Error("at once");
    },
  });
  expect(await batch.add(1)?.catch((error: Error) => error.message)).toBe("at once");
  expect(await batch.add(2)?.catch((error: Error) => error.message)).toBe("at once");
});

describe("idle", () => {
  test("is at once when there is nothing to do", async () => {
    await held().batch.idle();
  });

  test("comes when what waits and what is under way has its answer", async () => {
    const { batch, calls } = held({ batchMax: 1 });
    let answered = 0;
    for (const item of [1, 2]) void batch.add(item)?.then(() => (answered += 1));
    let isIdle = false;
    const idle = batch.idle().then(() => {
      isIdle = true;
    });
    await settled();
    calls[0]?.answer();
    await settled();
    expect([isIdle, calls.length]).toEqual([false, 2]);
    calls[1]?.answer();
    await idle;
    await settled();
    expect(answered).toBe(2);
  });
});

test("the sizes of its batches are counted by powers of two", async () => {
  const { batch, calls } = held();
  for (const size of [1, 2, 3, 4, 7, 8]) {
    for (let item = 0; item < size; item++) void batch.add(item);
    await settled();
    calls.at(-1)?.answer();
    await settled();
  }
  expect([...batch.batchSizes]).toEqual([1, 2, 2, 1]);
});

test("whatever arrives whenever, each question is asked once, in order, and has its own answer", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      async (scheduler, arrivals, batchMax) => {
        const asked: number[] = [];
        let underWay = 0;
        const batch = new MicroBatch<number, number>({
          batchMax,
          queueMax: 1000,
          call: async (items) => {
            underWay += 1;
            expect([underWay, items.length <= batchMax]).toEqual([1, true]);
            asked.push(...items);
            await scheduler.schedule(Promise.resolve());
            underWay -= 1;
            return items.map((item) => item * 10);
          },
        });
        let next = 0;
        const answers: Promise<void>[] = [];
        for (const count of arrivals) {
          void scheduler.schedule(Promise.resolve()).then(() => {
            for (let more = 0; more < count; more++) {
              const item = next++;
              answers.push((batch.add(item) as Promise<number>).then((answer) => expect(answer).toBe(item * 10)));
            }
          });
        }
        await scheduler.waitIdle();
        await batch.idle();
        await Promise.all(answers);
        expect(asked).toEqual(Array.from({ length: next }, (_, item) => item));
      },
    ),
    { numRuns: 60 },
  );
});
