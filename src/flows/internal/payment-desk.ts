/**
 * Where all calls to payment providers go out: paced for each endpoint, bounded in time, their health noted. Chooses
 * the provider of an attempt: the shopper's, or the backup when that one is not healthy.
 */
import type {
  ChargeOutcome,
  ChargeRequest,
  FindOutcome,
  PaymentGateway,
  RefundOutcome,
  RefundRequest,
} from "#commerce/payments/ports.ts";
import type { Clock } from "#kernel/clock.ts";
import { createProviderHealth, type ProviderHealth } from "#resilience/provider-health.ts";
import { createTokenBucket, type TokenBucket } from "#resilience/token-bucket.ts";

type Endpoint = "charge" | "find" | "refund" | "cancel" | "resume";
type Means = { readonly provider: string; readonly token: string };

/** A provider that has not answered by then is treated as not having said. */
const callTimeoutMs = 20_000;
/** A charge that has not left this long after its attempt began is not sent any more. */
const sendWithinMs = 15_000;
/** After this many certain failures at one provider the backup has its turn, whatever the provider's health. */
const failuresBeforeBackup = 2;

export class PaymentDesk {
  readonly #gateways: ReadonlyMap<string, PaymentGateway>;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #health = new Map<string, ProviderHealth>();

  constructor(gateways: readonly PaymentGateway[], clock: Clock) {
    this.#gateways = new Map(gateways.map((gateway) => [gateway.name, gateway]));
    this.#clock = clock;
    for (const gateway of gateways) {
      this.#health.set(
        gateway.name,
        createProviderHealth({
          windowMs: 30_000,
          callsMin: 5,
          wrongShareMax: 0.5,
          slowMs: 15_000,
          pauseMs: 10_000,
          pauseMaxMs: 120_000,
          probesNeeded: 3,
        }),
      );
    }
  }

  get gateways(): Iterable<PaymentGateway> {
    return this.#gateways.values();
  }

  gateway(name: string): PaymentGateway | undefined {
    return this.#gateways.get(name);
  }

  /** The means of payment for the next attempt. Only ever called when no attempt is open: never while one is unknown. */
  choose(payment: Means & { readonly backup?: Means }, failures: readonly { readonly provider: string }[]): Means {
    const { backup } = payment;
    if (backup === undefined || !this.#gateways.has(backup.provider)) return payment;
    const failed = failures.filter((failure) => failure.provider === payment.provider).length;
    const health = this.#health.get(payment.provider);
    if (health === undefined || failed >= failuresBeforeBackup) return backup;
    return health.ask(this.#clock.now()) === "avoid" ? backup : payment;
  }

  now(): number {
    return this.#clock.now();
  }

  /**
   * `begunMs` is when the attempt was begun, by this desk's clock and before the database was asked to write it down: a
   * process that was stopped between then and now must not send what others have given up.
   */
  async charge(provider: string, request: ChargeRequest, begunMs: number): Promise<ChargeOutcome> {
    const gateway = this.#gateways.get(provider);
    // Certain: nobody was asked.
    if (gateway === undefined) return { kind: "failed", reason: `the provider "${provider}" is not set up here` };
    await this.#pace(gateway, "charge");
    const startedMs = this.#clock.now();
    // Its attempt was begun too long ago: others may have looked into the provider's books since, and gone on.
    if (startedMs - begunMs > sendWithinMs) return { kind: "rate_limited", retryAfterMs: 1000 };
    const outcome = await this.#bounded((signal) => gateway.charge(request, signal), {
      kind: "unknown",
      reason: "the provider did not answer in time",
    });
    if (outcome.kind === "rate_limited") {
      this.#bucket(gateway, "charge").pauseUntil(this.#clock.now() + outcome.retryAfterMs);
    } else {
      const nowMs = this.#clock.now();
      const isWrong = outcome.kind === "failed" || outcome.kind === "unknown";
      this.#health.get(provider)?.record(nowMs, { isWrong, tookMs: nowMs - startedMs });
    }
    return outcome;
  }

  async find(provider: string, request: ChargeRequest): Promise<FindOutcome> {
    return await this.#call(
      provider,
      "find",
      { kind: "unknown", reason: "the provider did not answer" },
      (gateway, signal) => gateway.find(request, signal),
    );
  }

  async resume(provider: string, request: ChargeRequest, returned: URLSearchParams): Promise<FindOutcome> {
    return await this.#call(
      provider,
      "resume",
      { kind: "unknown", reason: "the provider did not answer" },
      (gateway, signal) => gateway.resume(request, returned, signal),
    );
  }

  async refund(provider: string, request: RefundRequest): Promise<RefundOutcome> {
    return await this.#call(
      provider,
      "refund",
      { kind: "unknown", reason: "the provider did not answer" },
      (gateway, signal) => gateway.refund(request, signal),
    );
  }

  async cancel(provider: string, reference: string, attemptKey: string): Promise<"cancelled" | "too_late" | "unknown"> {
    const end = await this.#call<{ readonly kind: "cancelled" | "too_late" | "unknown" }>(
      provider,
      "cancel",
      { kind: "unknown" },
      (gateway, signal) => gateway.cancel(reference, attemptKey, signal),
    );
    return end.kind;
  }

  async #call<Outcome>(
    provider: string,
    endpoint: Endpoint,
    unanswered: Outcome,
    call: (gateway: PaymentGateway, signal: AbortSignal) => Promise<Outcome>,
  ): Promise<Outcome> {
    const gateway = this.#gateways.get(provider);
    if (gateway === undefined) return unanswered;
    await this.#pace(gateway, endpoint);
    return await this.#bounded((signal) => call(gateway, signal), unanswered);
  }

  /** Waits for this endpoint's turn. The number waiting is bounded by how many tasks a worker runs at once. */
  async #pace(gateway: PaymentGateway, endpoint: Endpoint): Promise<void> {
    const bucket = this.#bucket(gateway, endpoint);
    for (let waitMs = bucket.take(this.#clock.now()); waitMs > 0; waitMs = bucket.take(this.#clock.now())) {
      await this.#clock.sleep(waitMs);
    }
  }

  #bucket(gateway: PaymentGateway, endpoint: Endpoint): TokenBucket {
    const key = `${gateway.name} ${endpoint}`;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = createTokenBucket({
        perSecond: gateway.requestsPerSecond,
        burst: Math.max(1, Math.floor(gateway.requestsPerSecond / 5)),
      });
      this.#buckets.set(key, bucket);
    }
    return bucket;
  }

  /** Ends the call when its time is over. An adapter answers an aborted call itself; `unanswered` is for one that does not. */
  async #bounded<Outcome>(call: (signal: AbortSignal) => Promise<Outcome>, unanswered: Outcome): Promise<Outcome> {
    const deadline = new AbortController();
    const rest = new AbortController();
    const timer = this.#clock.sleep(callTimeoutMs, rest.signal).then(async () => {
      deadline.abort();
      // A moment for the adapter to say what it knows.
      await this.#clock.sleep(1000, rest.signal);
      return unanswered;
    });
    try {
      return await Promise.race([call(deadline.signal), timer]);
    } finally {
      rest.abort();
    }
  }
}
