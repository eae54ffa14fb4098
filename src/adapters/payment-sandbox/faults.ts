/**
 * Which faults the sandbox can play, chosen by the token that stands for the shopper's card. The table is the whole
 * script: what the books will hold, what the caller hears, and what arrives later.
 */
export type Fault = {
  /** What is charged in truth; null: nothing at all. */
  readonly books: "succeeded" | "declined" | "challenge" | null;
  /** `truth`: as in the books. `lost`: an error after the act. `silence`: no answer until the caller gives up. */
  readonly answer: "truth" | "lost" | "silence" | "failed";
  /** What the first try of an order hears instead, with nothing charged. */
  readonly firstAnswer?: "failed" | "rate_limited";
  /** How long the provider is at it before it admits to anything. */
  readonly takesMs?: number;
  readonly declineReason?: string;
  readonly webhooks?: "once" | "twice" | "stale_last";
  /** `find` never says more than `unknown`. */
  readonly isUnsearchable?: true;
  readonly refund?: "pending" | "failed";
};

const asCharged = { books: "succeeded", answer: "truth" } as const;

export const faults = {
  ok: asCharged,
  declined: { books: "declined", answer: "truth", declineReason: "The card was declined." },
  insufficient_funds: { books: "declined", answer: "truth", declineReason: "There is not enough money on this card." },
  /** Certain: nothing was charged, another try is safe. */
  error: { books: null, answer: "failed" },
  /** `slow:3000` takes three seconds. */
  slow: { ...asCharged, takesMs: 1500 },
  action_required: { books: "challenge", answer: "truth" },
  timeout_then_success: { books: "succeeded", answer: "silence", takesMs: 2000 },
  timeout_then_nothing: { books: null, answer: "silence" },
  error_after_charge: { books: "succeeded", answer: "lost" },
  duplicate_webhook: { ...asCharged, webhooks: "twice" },
  /** The success comes late, after the event of a refund made meanwhile; an older refusal comes last. */
  out_of_order_webhooks: { ...asCharged, webhooks: "stale_last" },
  webhook_only: { books: "succeeded", answer: "lost", isUnsearchable: true },
  rate_limited: { ...asCharged, firstAnswer: "rate_limited" },
  once_failed: { ...asCharged, firstAnswer: "failed" },
  refund_pending: { ...asCharged, refund: "pending" },
  refund_failed: { ...asCharged, refund: "failed" },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;

const longestMs = 600_000;

/** The fault that a token names. A token that names none is declined, as an unknown card would be. */
export function faultOf(token: string): Fault {
  const [name = "", milliseconds] = token.split(":", 2);
  const fault: Fault = Object.hasOwn(faults, name) ? faults[name as FaultName] : faults.declined;
  if (milliseconds === undefined || !/^\d{1,6}$/.test(milliseconds)) return fault;
  return { ...fault, takesMs: Math.min(Number(milliseconds), longestMs) };
}
