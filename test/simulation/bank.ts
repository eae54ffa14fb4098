/**
 * A payment provider on the other side of a bad wire: the sandbox with its books in memory, which no crash of ours
 * touches. What has been sent may arrive after its sender is gone; what has been done may never be heard of.
 */
import { onlyIfCertain } from "#adapters/internal/certainty.ts";
import { createMemoryBooks } from "#adapters/payment-sandbox/memory-books.ts";
import { createSandboxGateway, type SandboxGateway } from "#adapters/payment-sandbox/payment-gateway.ts";
import type { SandboxBooks, SandboxCharge } from "#adapters/payment-sandbox/ports.ts";
import type { PaymentGateway, ProviderEvent } from "#commerce/payments/ports.ts";
import type { Process } from "./scheduler.ts";
import { brief, broken, type World } from "./world.ts";

/** A card with this token does what the run's plan has for its cards. */
export const anyCard = "any";

export type Bank = {
  readonly name: string;
  readonly books: SandboxBooks;
  readonly gateway: SandboxGateway;
  /** The bank as a process of ours has it. */
  reachedFrom(process: Process): PaymentGateway & Pick<SandboxGateway, "resendWebhooks">;
  charges(): Promise<readonly SandboxCharge[]>;
};

export type BankOptions = {
  readonly name: string;
  /** Takes the events to a shop; throws when that cannot be done. */
  readonly deliver: (provider: string, events: readonly ProviderEvent[]) => Promise<void>;
  /** Called when a challenge is about to be given up. */
  readonly onCancel: (attemptKey: string) => void;
};

/** The longest that a request is on its way: the sandbox counts on less than two seconds. */
const travelMaxMs = 1500;
/** When the runtime gives up a connection on which nothing comes. */
const runtimePatienceMs = 300_000;
/** When the bank gives up answering. */
const bankPatienceMs = 30_000;

export function createBank(world: World, options: BankOptions): Bank {
  const { scheduler, dice, plan } = world;
  const { name } = options;
  const process = scheduler.spawn(name, false);
  const books = createMemoryBooks();
  const gateway = createSandboxGateway({
    clock: scheduler.clockOf(process),
    random: dice.next,
    books,
    requestsPerSecond: plan.callsPerSecond,
    webhookSecret: "simulated",
    script: (token) => {
      if (token !== anyCard) return token;
      return world.isHealed ? "ok" : dice.pick(plan.cards);
    },
    deliverWebhook: async (request) => {
      const body = new Uint8Array(await scheduler.outside(request.arrayBuffer()));
      const reading = await gateway.readWebhook(request.headers, body);
      if (reading.kind !== "events") {
        world.violation(`the shop could not read a webhook of ${name}: ${reading.kind}`);
        return new Response(null, { status: 400 });
      }
      const told = reading.events.map((event) => `${event.outcome.kind} ${brief(event.attemptKey)}`).join(", ");
      await scheduler.pause(process, world.trouble(plan.webhookLate) ? dice.whole(1000, 200_000) : dice.whole(1, 100));
      if (world.trouble(plan.webhookLost)) {
        world.befell.add("webhook lost");
        world.note(process, `tells in vain: ${told}`);
        throw broken("the webhook did not arrive");
      }
      world.note(process, `tells: ${told}`);
      await options.deliver(name, reading.events);
      return new Response(null, { status: 200 });
    },
  });

  /** There and back again, with all that may happen on the way. */
  function over<Outcome>(
    sender: Process,
    label: string,
    signal: AbortSignal,
    unanswered: Outcome,
    call: (signal: AbortSignal) => Promise<Outcome>,
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(unanswered);
      signal.addEventListener("abort", () => resolve(unanswered), { once: true });
      const answer = (outcome: Outcome, ms: number) =>
        scheduler.after(sender, ms, () => {
          if (label !== "list") world.deed();
          resolve(outcome);
        });
      const loseTrack = (what: string) => {
        world.befell.add("message to the bank lost");
        world.note(sender, `${label}: ${what}`);
        // It is noticed at once, or only when somebody's patience ends: the caller's, or at last the runtime's.
        answer(unanswered, dice.chance(0.5) ? dice.whole(1, 100) : runtimePatienceMs);
      };
      if (scheduler.nowMs < world.bankOutUntilMs) return answer(unanswered, dice.whole(1, 5000));
      if (world.trouble(plan.messageLost)) return loseTrack("the request is lost");
      const travelMs = world.trouble(0.1) ? dice.whole(100, travelMaxMs) : dice.whole(1, 60);
      scheduler.after(
        sender,
        travelMs,
        () => {
          const patience = new AbortController();
          const end = scheduler.after(process, bankPatienceMs, () => patience.abort());
          // Not awaited: the bank takes its time, and the world goes on.
          void call(patience.signal).then((outcome) => {
            end();
            world.note(process, `${label} from ${sender.name} -> ${brief(outcome)}`, label === "list");
            if (world.trouble(plan.messageLost)) return loseTrack("the answer is lost");
            answer(outcome, world.trouble(0.05) ? dice.whole(100, 40_000) : dice.whole(1, 60));
          });
        },
        { isSent: true },
      );
    });
  }

  const unknown = { kind: "unknown", reason: "no answer from the bank" } as const;

  return {
    name,
    books,
    gateway,
    charges: async () => await books.chargesAfter({ createdAtMs: 0, attemptKey: "" }, Number.MAX_SAFE_INTEGER),
    reachedFrom: (sender) => ({
      name,
      requestsPerSecond: gateway.requestsPerSecond,
      async charge(asked, signal) {
        const request = world.mutation.charge?.(asked) ?? asked;
        // Nobody could be asked: certain, unless an earlier call was not.
        if (world.trouble(plan.messageLost / 2)) {
          return onlyIfCertain(request, { kind: "failed", reason: "the bank could not be reached" });
        }
        const outcome = await over(sender, `charge ${brief(request.attemptKey)}`, signal, unknown, (own) =>
          gateway.charge(request, own),
        );
        if (outcome.kind !== "rate_limited" || world.isHealed) return outcome;
        return { ...outcome, retryAfterMs: outcome.retryAfterMs * plan.pauseFactor };
      },
      find: (request, signal) =>
        over(sender, `find ${brief(request.attemptKey)}`, signal, unknown, (own) => gateway.find(request, own)),
      resume: (request, returned, signal) =>
        over(sender, `resume ${brief(request.attemptKey)}`, signal, unknown, (own) =>
          gateway.resume(request, returned, own),
        ),
      refund: (request, signal) =>
        over(sender, `refund ${brief(request.refundKey)}`, signal, unknown, (own) => gateway.refund(request, own)),
      cancel: (reference, attemptKey, signal) => {
        options.onCancel(attemptKey);
        return over<{ kind: "cancelled" | "too_late" | "unknown" }>(
          sender,
          `cancel ${brief(attemptKey)}`,
          signal,
          { kind: "unknown" },
          (own) => gateway.cancel(reference, attemptKey, own),
        );
      },
      async *charges(sinceMs, signal) {
        const list = await over(sender, "list", signal, null, async (own) =>
          Array.fromAsync(gateway.charges(sinceMs, own) ?? []),
        );
        if (list === null) throw broken("the list broke off");
        yield* list;
      },
      readWebhook: gateway.readWebhook,
      resendWebhooks: gateway.resendWebhooks,
    }),
  };
}
