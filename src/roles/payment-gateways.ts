/** Which payment providers this shop has, from its settings. */
import { createAdyenGateway } from "#adapters/payment-adyen/payment-gateway.ts";
import { createLiveFault, type LiveFault } from "#adapters/payment-sandbox/live-fault.ts";
import { createSandboxGateway, type SandboxGateway } from "#adapters/payment-sandbox/payment-gateway.ts";
import type { SandboxCharge } from "#adapters/payment-sandbox/ports.ts";
import { createStripeGateway } from "#adapters/payment-stripe/payment-gateway.ts";
import type { Database } from "#adapters/postgres/database.ts";
import { createSandboxBooks } from "#adapters/postgres/sandbox-books.ts";
import { systemClock, systemRandom } from "#adapters/system/clock.ts";
import type { PaymentGateway } from "#commerce/payments/ports.ts";
import type { PaymentOption } from "#storefront/payment-choice.ts";
import type { Config } from "./config.ts";

export type Gateways = {
  readonly all: readonly PaymentGateway[];
  readonly sandbox: (SandboxGateway & { challenge(reference: string): Promise<SandboxCharge | null> }) | undefined;
  /** Where there is a sandbox. */
  readonly liveFault?: LiveFault;
  readonly options: readonly PaymentOption[];
};

/** A sandbox token may name its card after "#": what limits per person go by, and what the pretend bank does not look at. */
export const fingerprintOf = (provider: string, token: string): string | null => {
  const at = provider === "sandbox" ? token.indexOf("#") : -1;
  return at < 0 ? null : `sandbox ${token.slice(at + 1)}`;
};

export function createGateways(
  config: Config,
  database: Database,
  options: { readonly webhookSecret: string; readonly deliverSandboxWebhook: (request: Request) => Promise<Response> },
): Gateways {
  const all: PaymentGateway[] = [];
  const paymentOptions: PaymentOption[] = [];
  let sandbox: Gateways["sandbox"];
  let liveFault: LiveFault | undefined;
  if (config.sandbox) {
    const books = createSandboxBooks(database.pool);
    liveFault = createLiveFault(systemRandom);
    const { apply } = liveFault;
    const gateway = createSandboxGateway({
      clock: systemClock,
      random: systemRandom,
      books,
      deliverWebhook: options.deliverSandboxWebhook,
      webhookSecret: options.webhookSecret,
      requestsPerSecond: config.sandboxPerSecond,
      script: (token) => apply(token.split("#")[0] ?? ""),
    });
    sandbox = {
      ...gateway,
      challenge: async (reference) => await books.findCharge(reference.replace(/^sandbox_/, "")),
    };
    all.push(gateway);
    paymentOptions.push(sandboxOption);
  }
  if (config.stripe !== undefined) all.push(createStripeGateway({ clock: systemClock, ...config.stripe }));
  if (config.adyen !== undefined) all.push(createAdyenGateway({ clock: systemClock, ...config.adyen }));
  return { all, sandbox, options: paymentOptions, ...(liveFault === undefined ? {} : { liveFault }) };
}

const sandboxOption: PaymentOption = {
  provider: "sandbox",
  label: "Test card",
  description: "A pretend bank for trying the shop out. Choose what it should do.",
  test: true,
  tokens: [
    { token: "ok", label: "Pays at once" },
    { token: "action_required", label: "Asks you to confirm" },
    { token: "declined", label: "Declines" },
    { token: "slow:4000", label: "Takes its time" },
    { token: "timeout_then_success", label: "Pays, but its answer gets lost" },
  ],
};
