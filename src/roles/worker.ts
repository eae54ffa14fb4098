/** The worker role: charges, resolves, refunds, expires, tells. Any number of them may run beside each other. */
import { createEmailSmtpSender } from "#adapters/notices/email-smtp.ts";
import { createSmsHttpSender } from "#adapters/notices/sms-http.ts";
import { createMailbox } from "#adapters/postgres/mailbox.ts";
import type { NoticeSender } from "#commerce/notices/ports.ts";
import type { Task } from "#commerce/outbox/ports.ts";
import { announceDelays } from "#flows/announce-delays.ts";
import { expireOrder, payOrder, refundPayment, resolvePayment } from "#flows/pay-order.ts";
import { reconcilePayments } from "#flows/reconcile-payments.ts";
import { sendNotice } from "#flows/send-notice.ts";
import { OutboxWorker, type TaskHandler } from "#flows/work-outbox.ts";
import { orderNoticesOf, stockAlertOf } from "#http/notice-text.ts";
import { createTokenBucket } from "#resilience/token-bucket.ts";
import type { Parts } from "./parts.ts";
import { smtpOptions } from "./smtp-options.ts";

/** Longer than a charge with its time-out and its turn in the line of its endpoint. */
const leaseSeconds = 60;
const cartsForgottenAfterMs = 90 * 24 * 3600_000;

export type Worker = { start(): Promise<void>; stop(): Promise<void> };

export function createWorker(parts: Parts): Worker {
  const { clock, config, orders, paymentFlow, metrics } = parts;
  const senders = noticeSenders(parts);
  const bucket = createTokenBucket({ perSecond: config.noticesPerSecond, burst: config.noticesPerSecond });

  const ofOrder =
    (handle: (orderId: number, task: Task) => ReturnType<TaskHandler> | Promise<void>): TaskHandler =>
    async (task) =>
      task.orderId === null ? "settled" : ((await handle(task.orderId, task)) ?? "settled");

  const worker = new OutboxWorker({
    outbox: parts.outbox,
    clock,
    concurrency: { payments: 32, notices: 8, rest: 4 },
    leaseSeconds,
    onError: (task, error) =>
      parts.report(new Error(`${task.topic} of order ${task.orderId} failed, try ${task.attempts}`, { cause: error })),
    handlers: {
      pay: ofOrder(async (orderId) => await payOrder(paymentFlow, orderId)),
      resolve: ofOrder(async (orderId, task) => await resolvePayment(paymentFlow, orderId, task.attempts)),
      expire: ofOrder(async (orderId, task) => await expireOrder(paymentFlow, orderId, task.attempts)),
      refund: async (task) => await refundPayment(paymentFlow, String(task.payload.refundKey), task.attempts),
      notice: async (task) =>
        await sendNotice(
          {
            senders,
            bucket,
            clock,
            orders,
            compose: (template, order, payload) => orderNoticesOf(parts, template, order, payload),
          },
          task,
        ),
      stock_alert: async (task) =>
        await sendNotice(
          {
            senders,
            bucket,
            clock,
            orders,
            compose: async () => await stockAlertOf(parts, task.payload, config.operatorEmail),
          },
          task,
        ),
      operator_alert: async (task) => {
        parts.log(`needs an operator: order ${task.orderId}: ${JSON.stringify(task.payload)}`);
        return "settled";
      },
    },
  });
  metrics.gauge("spillway_tasks_done_total", "Tasks of the outbox that ended, by topic.", () =>
    Object.entries(worker.done).map(([topic, count]) => [{ topic }, count] as const),
  );
  metrics.gauge("spillway_tasks_failed_total", "Tasks of the outbox that failed and were put off, by topic.", () =>
    Object.entries(worker.failed).map(([topic, count]) => [{ topic }, count] as const),
  );

  const stopping = new AbortController();
  let rounds: Promise<void> | undefined;

  /** What is done by the clock rather than by a task. */
  async function round(sinceMs: number): Promise<void> {
    await announceDelays(orders, clock.now());
    await parts.carts.forget(clock.now() - cartsForgottenAfterMs);
    for (const gateway of parts.gateways.all) {
      const result = await reconcilePayments({
        payments: parts.payments,
        gateway,
        nowMs: clock.now(),
        sinceMs,
        signal: stopping.signal,
      });
      if (result === undefined) continue;
      const { settled, chargesWithoutOrder, ordersWithoutCharge, amountDiffers } = result;
      if (settled.length + chargesWithoutOrder.length + ordersWithoutCharge.length + amountDiffers.length > 0) {
        parts.log(
          `reconciliation with ${gateway.name}: ${settled.length} settled late, ${chargesWithoutOrder.length} charges without an order, ${ordersWithoutCharge.length} orders without their charge, ${amountDiffers.length} other amounts; see bin/spillway reconcile`,
        );
      }
    }
  }

  return {
    async start() {
      await worker.start();
      // A real provider sends again what nobody took; ours is told to.
      await parts.gateways.sandbox?.resendWebhooks(clock.now() - 600_000);
      rounds = (async () => {
        let sinceMs = clock.now() - 3600_000;
        while (!stopping.signal.aborted) {
          await clock.sleep(roundEveryMs, stopping.signal);
          if (stopping.signal.aborted) return;
          const startedMs = clock.now();
          // Each round looks ten minutes further back than the last one began: what was under way then has settled.
          await round(sinceMs).then(
            () => {
              sinceMs = startedMs - 600_000;
            },
            (error: unknown) => parts.report(error),
          );
        }
      })();
    },
    async stop() {
      stopping.abort();
      parts.gateways.sandbox?.stop();
      await Promise.all([worker.stop(), rounds]);
    },
  };
}

const roundEveryMs = 60_000;

/** To the relay, or into the mailbox where none is configured. */
export const emailSender = ({ config, pool }: Pick<Parts, "config" | "pool">): NoticeSender =>
  config.smtpUrl === undefined
    ? createMailbox(pool, "email")
    : createEmailSmtpSender(smtpOptions(config.smtpUrl, config.mailFrom));

function noticeSenders(parts: Parts): readonly NoticeSender[] {
  const { config, pool, clock } = parts;
  const email = emailSender(parts);
  const sms =
    config.sms === undefined
      ? createMailbox(pool, "sms")
      : createSmsHttpSender({
          clock,
          url: config.sms.url,
          authorization: `Bearer ${config.sms.token}`,
          format: "json",
          fields: { to: "{to}", text: "{text}" },
        });
  return [email, sms];
}
