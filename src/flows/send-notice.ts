/** Tells a shopper, or the operator: composes what is to be said from the order as it is now, and sends it at a set pace. */
import type { Notice, NoticeSender } from "#commerce/notices/ports.ts";
import type { Order, OrderBook } from "#commerce/orders/ports.ts";
import type { Task } from "#commerce/outbox/ports.ts";
import type { Clock } from "#kernel/clock.ts";
import type { TokenBucket } from "#resilience/token-bucket.ts";
import type { TaskEnd } from "./work-outbox.ts";

export type NoticeText = Omit<Notice, "messageId">;

const sendTimeoutMs = 30_000;
const triesMax = 12;

export async function sendNotice(
  options: {
    readonly senders: readonly NoticeSender[];
    readonly bucket: TokenBucket;
    readonly clock: Clock;
    readonly orders: OrderBook;
    readonly compose: (
      template: string,
      order: Order | undefined,
      payload: Task["payload"],
    ) => Promise<readonly NoticeText[]>;
  },
  task: Task,
): Promise<TaskEnd> {
  const { clock, bucket } = options;
  const order = task.orderId === null ? undefined : await options.orders.get(task.orderId);
  const texts = await options.compose(String(task.payload.template ?? task.topic), order, task.payload);
  // One channel's trouble neither keeps the other from its turn nor sends the same words there again.
  const sent = new Set(Array.isArray(task.payload.sent) ? (task.payload.sent as string[]) : []);
  let againInSeconds: number | undefined;
  for (const [index, text] of texts.entries()) {
    const sender = options.senders.find((candidate) => candidate.channel === text.channel);
    if (sender === undefined || sent.has(text.channel)) continue;
    for (let waitMs = bucket.take(clock.now()); waitMs > 0; waitMs = bucket.take(clock.now()))
      await clock.sleep(waitMs);
    // The id stays the same for every try, so that a receiver can drop the second.
    const outcome = await sender.send(
      { ...text, messageId: `${task.id}-${index}` },
      AbortSignal.timeout(sendTimeoutMs),
    );
    if (outcome.kind !== "failed") {
      sent.add(text.channel);
      continue;
    }
    const seconds =
      outcome.retryAfterMs === null ? Math.min(15 * 2 ** task.attempts, 3600) : outcome.retryAfterMs / 1000;
    againInSeconds = Math.min(againInSeconds ?? seconds, seconds);
  }
  if (againInSeconds === undefined || task.attempts >= triesMax) return "settled";
  return { againInSeconds, payload: { ...task.payload, sent: [...sent] } };
}
