/** Telling a shopper: what the order is now, by each channel once, again only where it failed, and not for ever. */
import { describe, expect, test } from "bun:test";
import type { Notice, NoticeSender } from "#commerce/notices/ports.ts";
import type { OrderBook } from "#commerce/orders/ports.ts";
import type { Task } from "#commerce/outbox/ports.ts";
import { type NoticeText, sendNotice } from "#flows/send-notice.ts";
import type { TaskEnd } from "#flows/work-outbox.ts";
import type { Clock } from "#kernel/clock.ts";
import { createTokenBucket } from "#resilience/token-bucket.ts";

type Outcome = Awaited<ReturnType<NoticeSender["send"]>>;
const failed: Outcome = { kind: "failed", reason: "busy", retryAfterMs: null };

function stage(texts: readonly NoticeText[], options: { perSecond?: number } = {}) {
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
  const sent: (Notice & { atMs: number })[] = [];
  const answers: Outcome[] = [];
  const sender = (channel: NoticeSender["channel"]): NoticeSender => ({
    channel,
    async send(notice) {
      sent.push({ ...notice, atMs: nowMs });
      return answers.shift() ?? { kind: "sent" };
    },
  });
  const bucket = createTokenBucket({ perSecond: options.perSecond ?? 1000, burst: 1 });
  return {
    sent,
    answers,
    run: async (task: Task): Promise<TaskEnd> =>
      await sendNotice(
        {
          senders: [sender("email"), sender("sms")],
          bucket,
          clock,
          orders: { get: async () => undefined } as unknown as OrderBook,
          compose: async () => texts,
        },
        task,
      ),
  };
}

const email: NoticeText = { channel: "email", to: "ada@test.example", subject: "Paid", text: "Thank you.", html: null };
const sms: NoticeText = { channel: "sms", to: "+4722222222", subject: "", text: "On its way.", html: null };
const task = (more: Partial<Task> = {}): Task => ({
  lane: 1,
  priority: 2,
  leasedUntil: "",
  id: "7",
  topic: "notice",
  orderId: 1,
  payload: { template: "shipped" },
  attempts: 1,
  ...more,
});

/** The same task as it comes back. */
const again = (before: Task, end: TaskEnd): Task => ({
  ...before,
  attempts: before.attempts + 1,
  payload: end === "settled" ? before.payload : (end.payload ?? before.payload),
});

test("each channel has its own words, under an id that stays the same for every try", async () => {
  const { run, sent } = stage([email, sms]);
  expect(await run(task())).toBe("settled");
  expect(sent.map(({ channel, messageId }) => [channel, messageId])).toEqual([
    ["email", "7-0"],
    ["sms", "7-1"],
  ]);
});

describe("a channel that fails", () => {
  test("is tried again later each time, or when it says", async () => {
    const { run, answers } = stage([email]);
    for (const [attempts, seconds] of [
      [1, 30],
      [3, 120],
      [9, 3600],
    ] as const) {
      answers.push(failed);
      expect(await run(task({ attempts }))).toMatchObject({ againInSeconds: seconds });
    }
    answers.push({ ...failed, retryAfterMs: 5000 } as Outcome);
    expect(await run(task())).toMatchObject({ againInSeconds: 5 });
  });

  test("does not make the shopper read the same e-mail once more for each try of the text message", async () => {
    const { run, answers, sent } = stage([email, sms]);
    answers.push({ kind: "sent" }, failed);
    const first = task();
    const end = await run(first);
    expect(end).toMatchObject({ againInSeconds: 30 });
    answers.push(failed);
    const second = again(first, end);
    const later = await run(second);
    expect(await run(again(second, later))).toBe("settled");
    expect(sent.map(({ channel }) => channel)).toEqual(["email", "sms", "sms", "sms"]);
  });

  test("does not keep the other from being sent", async () => {
    const { run, answers, sent } = stage([email, sms]);
    answers.push(failed);
    const first = task();
    const end = await run(first);
    expect(sent.map(({ channel }) => channel)).toEqual(["email", "sms"]);
    expect(await run(again(first, end))).toBe("settled");
    expect(sent.map(({ channel }) => channel)).toEqual(["email", "sms", "email"]);
  });

  test("is given up after a dozen tries", async () => {
    const { run, answers } = stage([email]);
    answers.push(failed, failed);
    expect(await run(task({ attempts: 11 }))).toMatchObject({ againInSeconds: 3600 });
    expect(await run(task({ attempts: 12 }))).toBe("settled");
  });
});

test("what nobody can carry, and what nothing is to be said about, is settled", async () => {
  expect(await stage([]).run(task())).toBe("settled");
  expect(await stage([{ ...email, channel: "pigeon" as "email" }]).run(task())).toBe("settled");
});

test("no more leave at once than the pace allows, however many there are", async () => {
  const { run, sent } = stage([email], { perSecond: 10 });
  for (let id = 0; id < 5; id++) await run(task({ id: String(id) }));
  expect(sent.map(({ atMs }) => Math.round(atMs))).toEqual([0, 100, 200, 300, 400]);
});
