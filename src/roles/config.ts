/** Everything that is set from outside, read once, checked together: every complaint at once, each with its hint. */
import { resolve } from "node:path";
import { SpillwayError } from "#kernel/error.ts";

export type Config = {
  readonly port: number;
  readonly opsPort: number;
  readonly dataDir: string;
  /** Undefined: Spillway starts its own Postgres in the data folder. */
  readonly databaseUrl: string | undefined;
  /** "https://shop.example", without a slash at the end. */
  readonly origin: string;
  readonly adminToken: string | undefined;
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string;
  readonly operatorEmail: string | undefined;
  readonly sms: { readonly url: string; readonly token: string } | undefined;
  readonly noticesPerSecond: number;
  readonly sandbox: boolean;
  readonly sandboxPerSecond: number;
  readonly stripe:
    | { readonly secretKey: string; readonly webhookSecrets: readonly string[]; readonly requestsPerSecond: number }
    | undefined;
  readonly adyen:
    | {
        readonly apiKey: string;
        readonly merchantAccount: string;
        readonly hmacKeys: readonly string[];
        readonly baseUrl: string;
        readonly requestsPerSecond: number;
      }
    | undefined;
  readonly intakeBatchMax: number;
  readonly intakeQueueMax: number;
  /** Edges elsewhere that are told the stock of their waiting rooms. */
  readonly roomStock: { readonly urls: readonly string[]; readonly secret: string } | undefined;
  readonly demo: boolean;
};

/** For `--help` and the docs: each setting in one line. */
export const settings: readonly (readonly [name: string, meaning: string])[] = [
  ["PORT", "the shop's port (8080)"],
  ["SPILLWAY_OPS_PORT", "the operations port: /livez /readyz /metrics, the mailbox (8081)"],
  ["SPILLWAY_DATA", "the data folder (./data)"],
  ["DATABASE_URL", "your own Postgres, 15 or newer; absent: Spillway starts its own"],
  ["SPILLWAY_ORIGIN", "the shop's address as shoppers know it, for links in e-mails (http://localhost:PORT)"],
  ["SPILLWAY_ADMIN_TOKEN", "the admin API's token; absent: made once, `bin/spillway token` prints it"],
  ["SPILLWAY_DEMO", "0 starts with empty shelves instead of the demonstration shop"],
  ["SMTP_URL", "smtp://user:password@host:587; absent: notices go to the mailbox page"],
  ["SPILLWAY_MAIL_FROM", "sender of e-mails"],
  ["SPILLWAY_OPERATOR_EMAIL", "who is told about low stock and failed refunds"],
  ["SMS_URL, SMS_TOKEN", "where text messages are posted"],
  ["SPILLWAY_NOTICES_PER_SECOND", "how fast notices leave (10)"],
  ["SPILLWAY_SANDBOX", "0 takes the sandbox provider away; it is there until another provider is set up"],
  ["SPILLWAY_SANDBOX_PER_SECOND", "calls per second that the sandbox allows (100)"],
  ["STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_PER_SECOND", "Stripe (25 calls per second and endpoint)"],
  ["ADYEN_API_KEY, ADYEN_MERCHANT_ACCOUNT, ADYEN_HMAC_KEY, ADYEN_URL, ADYEN_PER_SECOND", "Adyen"],
  [
    "SPILLWAY_INTAKE_BATCH_MAX, SPILLWAY_INTAKE_QUEUE_MAX",
    "most orders in one commit (1000), and waiting for one (10000)",
  ],
  [
    "SPILLWAY_EDGE_CONFIG, SPILLWAY_EDGE_SECRET",
    "waiting rooms: their file, and their secret or secrets (newest first, with commas between; \"database\" is the shop's own). Of a shop whose edges run elsewhere: the same as theirs, so that the rooms' skus are sold to those let in",
  ],
  [
    "SPILLWAY_ROOM_STOCK_URL, SPILLWAY_ROOM_STOCK_SECRET",
    "where these edges are told the stock, https://edge.example/.spillway/rooms/{room}/stock, with commas between; their stockSecret",
  ],
];

export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const complaints: string[] = [];
  const text = (name: string): string | undefined => {
    const value = env[name]?.trim();
    return value === "" ? undefined : value;
  };
  const whole = (name: string, fallback: number, least: number, most: number): number => {
    const value = text(name);
    if (value === undefined) return fallback;
    const number = Number(value);
    if (!Number.isInteger(number) || number < least || number > most) {
      complaints.push(`${name}=${value} must be a whole number from ${least} to ${most}.`);
      return fallback;
    }
    return number;
  };
  const address = (name: string, protocols: readonly string[], example: string): string | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
      complaints.push(`${name} must be an address such as ${example}.`);
      return undefined;
    }
    return value.replace(/\/+$/, "");
  };
  const together = (names: readonly string[]): boolean => {
    const given = names.filter((name) => text(name) !== undefined);
    if (given.length > 0 && given.length < names.length) {
      complaints.push(
        `${given.join(", ")} is set, so ${names.filter((name) => !given.includes(name)).join(", ")} must be set too.`,
      );
    }
    return given.length === names.length;
  };

  const port = whole("PORT", 8080, 0, 65_535);
  const opsPort = whole("SPILLWAY_OPS_PORT", 8081, 0, 65_535);
  if (port !== 0 && port === opsPort)
    complaints.push(`PORT and SPILLWAY_OPS_PORT are both ${port}; give them two different ports.`);

  const adminToken = text("SPILLWAY_ADMIN_TOKEN");
  if (adminToken !== undefined && !/^[\x21-\x7e]{16,200}$/.test(adminToken)) {
    complaints.push("SPILLWAY_ADMIN_TOKEN must have at least 16 printable characters and no spaces.");
  }
  const stripe = together(["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"]);
  const adyen = together(["ADYEN_API_KEY", "ADYEN_MERCHANT_ACCOUNT", "ADYEN_HMAC_KEY", "ADYEN_URL"]);
  const sms = together(["SMS_URL", "SMS_TOKEN"]);
  const roomStock = together(["SPILLWAY_ROOM_STOCK_URL", "SPILLWAY_ROOM_STOCK_SECRET"]);
  const list = (name: string): string[] =>
    (text(name) ?? "")
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  const roomStockUrls = list("SPILLWAY_ROOM_STOCK_URL");
  for (const url of roomStockUrls) {
    if (!/^https?:\/\/[^/]+\/.*\{room\}/.test(url) || !URL.canParse(url))
      complaints.push(
        `SPILLWAY_ROOM_STOCK_URL must have addresses such as https://edge.example/.spillway/rooms/{room}/stock, with {room} in them, not ${url}.`,
      );
  }
  const databaseUrl = address(
    "DATABASE_URL",
    ["postgres:", "postgresql:"],
    "postgres://user:password@localhost:5432/spillway",
  );
  const origin = address("SPILLWAY_ORIGIN", ["http:", "https:"], "https://shop.example");
  const smtpUrl = address("SMTP_URL", ["smtp:", "smtps:"], "smtp://user:password@mail.example:587");
  const smsUrl = address("SMS_URL", ["http:", "https:"], "https://sms.example/messages");
  const adyenUrl = address("ADYEN_URL", ["http:", "https:"], "https://checkout-test.adyen.com/v71");

  const config: Config = {
    port,
    opsPort,
    dataDir: resolve(text("SPILLWAY_DATA") ?? "data"),
    databaseUrl,
    origin: origin ?? `http://localhost:${port}`,
    adminToken,
    smtpUrl,
    mailFrom: text("SPILLWAY_MAIL_FROM") ?? "orders@example.com",
    operatorEmail: text("SPILLWAY_OPERATOR_EMAIL"),
    sms: sms && smsUrl !== undefined ? { url: smsUrl, token: text("SMS_TOKEN") ?? "" } : undefined,
    noticesPerSecond: whole("SPILLWAY_NOTICES_PER_SECOND", 10, 1, 10_000),
    sandbox: text("SPILLWAY_SANDBOX") === undefined ? !stripe && !adyen : text("SPILLWAY_SANDBOX") !== "0",
    sandboxPerSecond: whole("SPILLWAY_SANDBOX_PER_SECOND", 100, 1, 100_000),
    stripe: stripe
      ? {
          secretKey: text("STRIPE_SECRET_KEY") ?? "",
          webhookSecrets: list("STRIPE_WEBHOOK_SECRET"),
          requestsPerSecond: whole("STRIPE_PER_SECOND", 25, 1, 10_000),
        }
      : undefined,
    adyen:
      adyen && adyenUrl !== undefined
        ? {
            apiKey: text("ADYEN_API_KEY") ?? "",
            merchantAccount: text("ADYEN_MERCHANT_ACCOUNT") ?? "",
            hmacKeys: list("ADYEN_HMAC_KEY"),
            baseUrl: adyenUrl,
            requestsPerSecond: whole("ADYEN_PER_SECOND", 25, 1, 10_000),
          }
        : undefined,
    intakeBatchMax: whole("SPILLWAY_INTAKE_BATCH_MAX", 1000, 1, 10_000),
    intakeQueueMax: whole("SPILLWAY_INTAKE_QUEUE_MAX", 10_000, 1, 1_000_000),
    roomStock: roomStock ? { urls: roomStockUrls, secret: text("SPILLWAY_ROOM_STOCK_SECRET") ?? "" } : undefined,
    demo: text("SPILLWAY_DEMO") !== "0",
  };
  if (complaints.length > 0) throw new SpillwayError("bad_config", complaints.join("\n"));
  return config;
}
