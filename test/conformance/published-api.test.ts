/**
 * Holds what we send to Stripe and Adyen, what we read of their answers, and what our stand-ins answer in their place
 * against the OpenAPI descriptions that they publish. Those are large and theirs, so they are not kept here: the tests run
 * when these name local copies, and say so when they do not.
 *
 *   SPILLWAY_STRIPE_OPENAPI  spec3.json of github.com/stripe/openapi
 *   SPILLWAY_ADYEN_OPENAPI   CheckoutService-v71.json:Webhooks-v1.json of github.com/Adyen/adyen-openapi
 */
import { describe, expect, test } from "bun:test";
import { Accepted, Item, PaymentAnswer, ServiceError } from "#adapters/payment-adyen/objects.ts";
import { createAdyenGateway } from "#adapters/payment-adyen/payment-gateway.ts";
import { Charge, Dispute, Event, PaymentIntent, Refund, StripeError } from "#adapters/payment-stripe/objects.ts";
import { createStripeGateway } from "#adapters/payment-stripe/payment-gateway.ts";
import type { ChargeRequest, PaymentGateway } from "#commerce/payments/ports.ts";
import { adyenApiKey, adyenMerchantAccount, adyenToken, startAdyenStandIn } from "./adyen-stand-in.ts";
import { startStripeStandIn, stripeSecretKey } from "./stripe-stand-in.ts";

const stripeFile = process.env.SPILLWAY_STRIPE_OPENAPI ?? "";
const adyenFiles = (process.env.SPILLWAY_ADYEN_OPENAPI ?? "").split(":").filter((file) => file !== "");

for (const [variable, isSet] of [
  ["SPILLWAY_STRIPE_OPENAPI", stripeFile !== ""],
  ["SPILLWAY_ADYEN_OPENAPI", adyenFiles.length > 0],
] as const) {
  if (!isSet) console.warn(`NOT CHECKED against the vendor's published API: ${variable} names no file.`);
}

type Schema = {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly nullable?: boolean;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly patternProperties?: unknown;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
};
type Body = { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> };
type Operation = {
  readonly parameters?: readonly { readonly name?: string; readonly in?: string; readonly schema?: Schema }[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body>>;
};
type Description = {
  readonly info: { readonly version: string };
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly webhooks?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};

const readDescription = async (file: string): Promise<Description> => await Bun.file(file).json();

const schemaOf = (body: Body | undefined): Schema => Object.values(body?.content ?? {})[0]?.schema ?? {};

/** Every shape that a value may have by this schema. */
function shapesOf(description: Description, schema: Schema): Schema[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace("#/components/schemas/", "");
    const target = description.components.schemas[name];
    if (target === undefined) throw new Error(`${schema.$ref} is not described.`);
    return shapesOf(description, target);
  }
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  return choices === undefined ? [schema] : choices.flatMap((choice) => shapesOf(description, choice));
}

/** What is wrong with a value by the published schema; by the shape that fits best. */
function complaints(
  description: Description,
  schema: Schema,
  value: unknown,
  where: string,
  isWhole: boolean,
): string[] {
  if (value === null && schema.nullable) return [];
  const all = shapesOf(description, schema).map((shape) => misfit(description, shape, value, where, isWhole));
  return all.sort((a, b) => a.length - b.length)[0] ?? [];
}

function misfit(description: Description, shape: Schema, value: unknown, where: string, isWhole: boolean): string[] {
  if (value === null) return shape.nullable ? [] : [`${where} must not be null`];
  if (shape.enum !== undefined && !shape.enum.includes(value)) return [`${where} must not be ${JSON.stringify(value)}`];
  if (Array.isArray(value)) {
    if (shape.type !== "array") return [`${where} is no list`];
    return value.flatMap((item, index) =>
      complaints(description, shape.items ?? {}, item, `${where}[${index}]`, isWhole),
    );
  }
  if (typeof value === "object") {
    if (shape.type !== undefined && shape.type !== "object") return [`${where} is no object`];
    const missing = isWhole ? (shape.required ?? []).filter((name) => !(name in value)) : [];
    const nested = Object.entries(value).flatMap(([name, inner]) => {
      const property = shape.properties?.[name];
      if (property !== undefined) return complaints(description, property, inner, `${where}.${name}`, isWhole);
      if (typeof shape.additionalProperties === "object") {
        return complaints(description, shape.additionalProperties, inner, `${where}.${name}`, isWhole);
      }
      return [`${where}.${name} is not described`];
    });
    return [...missing.map((name) => `${where}.${name} is missing`), ...nested];
  }
  const type = typeof value === "number" ? (Number.isInteger(value) ? "integer" : "number") : typeof value;
  const fits = shape.type === undefined || shape.type === type || (shape.type === "number" && type === "integer");
  if (!fits) return [`${where} is ${type} and should be ${shape.type}`];
  const isTooLong = typeof value === "string" && shape.maxLength !== undefined && value.length > shape.maxLength;
  return isTooLong ? [`${where} is longer than ${shape.maxLength}`] : [];
}

/** Fields that our schema of an answer reads and the published one does not have, or has otherwise. */
function unpublished(description: Description, published: Schema, ours: Schema, where: string): string[] {
  const choices = (ours.anyOf ?? [ours]).filter((choice) => choice.type !== "null");
  const shapes = shapesOf(description, published);
  return choices.flatMap((choice) => {
    if (choice.const !== undefined) {
      const isKnown = shapes.some((shape) => shape.enum === undefined || shape.enum.includes(choice.const));
      return isKnown ? [] : [`${where} is never ${JSON.stringify(choice.const)}`];
    }
    if (choice.type === undefined) return [];
    const fitting = shapes.filter((shape) => shape.type === undefined || shape.type === choice.type);
    if (fitting.length === 0) return [`${where} is never ${choice.type}`];
    if (choice.type === "array") {
      return unpublished(description, fitting[0]?.items ?? {}, choice.items ?? {}, `${where}[]`);
    }
    return Object.entries(choice.properties ?? {}).flatMap(([name, inner]) => {
      const found = fitting.map((shape) => shape.properties?.[name]).filter((property) => property !== undefined);
      if (found.length === 0) return [`${where}.${name} is not described`];
      return found
        .map((property) => unpublished(description, property, inner, `${where}.${name}`))
        .sort((a, b) => a.length - b.length)[0] as string[];
    });
  });
}

/** The description of a path such as `/v1/refunds/re_1`, by its template. */
function operationOf(description: Description, method: string, path: string): Operation {
  for (const [template, operations] of Object.entries(description.paths ?? {})) {
    const pattern = new RegExp(`^${template.replace(/\{[^}]*\}/g, "[^/]+")}$`);
    const operation = operations[method.toLowerCase()];
    if (pattern.test(path) && operation !== undefined) return operation;
  }
  throw new Error(`${method} ${path} is not described.`);
}

/** `a[b]=1` as `{a: {b: 1}}`, with the types that the schema asks for. */
function unflatten(description: Description, schema: Schema, form: URLSearchParams): unknown {
  const object: Record<string, unknown> = {};
  const [shape] = shapesOf(description, schema);
  for (const [name, text] of form) {
    const [, outer = name, inner] = /^(\w+)(?:\[(\w+)\])?$/.exec(name) ?? [];
    const shapes = shapesOf(description, shape?.properties?.[outer] ?? {});
    if (inner === undefined) {
      object[outer] = typed(shapes, text);
      continue;
    }
    const property = shapes.find((choice) => choice.properties?.[inner] !== undefined)?.properties?.[inner];
    const before = (object[outer] ?? {}) as Record<string, unknown>;
    object[outer] = { ...before, [inner]: typed(shapesOf(description, property ?? {}), text) };
  }
  return object;
}

function typed(shapes: readonly Schema[], text: string): unknown {
  if (shapes.some(({ type }) => type === "integer") && /^-?\d+$/.test(text)) return Number(text);
  if (shapes.some(({ type }) => type === "boolean") && /^(true|false)$/.test(text)) return text === "true";
  return text;
}

const clock = { now: () => Date.now(), sleep: (ms: number) => Bun.sleep(ms) };
const signal = () => AbortSignal.timeout(3000);

/** Makes every kind of request that the gateway has. */
async function useAll(
  gateway: PaymentGateway,
  tokens: { good: string; bad: string; challenge: string },
): Promise<void> {
  const request = (token: string): ChargeRequest => ({
    attemptKey: crypto.randomUUID(),
    orderNumber: "SP-1",
    amount: { amount: 1299, currency: "EUR" },
    token,
    email: "ada@example.com",
    returnUrl: "https://shop.example/orders/SP-1",
    createdAtMs: clock.now(),
    unknownSinceMs: null,
    reference: null,
  });
  const good = request(tokens.good);
  const charged = await gateway.charge(good, signal());
  if (charged.kind !== "succeeded") throw new Error(JSON.stringify(charged));
  await gateway.charge(request(tokens.bad), signal());
  const challenged = request(tokens.challenge);
  const challenge = await gateway.charge(challenged, signal());
  if (challenge.kind !== "action_required") throw new Error(JSON.stringify(challenge));
  const { reference } = challenge;
  await gateway.resume({ ...challenged, reference }, new URLSearchParams({ redirectResult: "x" }), signal());
  await gateway.find(good, signal());
  await gateway.cancel(reference, challenged.attemptKey, signal());
  await gateway.cancel(charged.reference, good.attemptKey, signal());
  const refund = {
    refundKey: crypto.randomUUID(),
    orderNumber: "SP-1",
    unknownSinceMs: null,
    reference: charged.reference,
  };
  await gateway.refund({ ...refund, amount: { amount: 300, currency: "EUR" } }, signal());
  await gateway.refund({ ...refund, refundKey: "too-much", amount: { amount: 9999, currency: "EUR" } }, signal());
  await Array.fromAsync(gateway.charges(clock.now() - 1000, signal()) ?? []);
}

describe.skipIf(stripeFile === "")("by Stripe's published description", () => {
  test("every request we make is described, with every field, and every answer of the stand-in could be Stripe's", async () => {
    const stripe = await readDescription(stripeFile);
    const standIn = startStripeStandIn(clock);
    const options = { clock, secretKey: stripeSecretKey, webhookSecrets: ["whsec"], baseUrl: standIn.url };
    await useAll(createStripeGateway(options), { good: "pm_ok", bad: "pm_declined", challenge: "pm_challenge" });
    await standIn.stop();

    const kinds = new Set<string>();
    for (const { method, path, params, headers } of standIn.requests) {
      const operation = operationOf(stripe, method, path);
      kinds.add(`${method} ${path.replace(/pi_\d+/, "{intent}")}`);
      expect(headers.get("stripe-version")).not.toBeNull();
      if (method === "GET") {
        const known = new Map(operation.parameters?.map((parameter) => [parameter.name, parameter.schema ?? {}]));
        for (const [name] of params) {
          const [, outer = "", inner] = /^(\w+)(?:\[(\w+)\])?$/.exec(name) ?? [];
          const shapes = shapesOf(stripe, known.get(outer) ?? { enum: [] });
          const isKnown =
            known.has(outer) && (inner === undefined || shapes.some((shape) => shape.properties?.[inner]));
          expect([path, name, isKnown]).toEqual([path, name, true]);
        }
      } else {
        const schema = schemaOf(operation.requestBody);
        expect(complaints(stripe, schema, unflatten(stripe, schema, params), path, true)).toEqual([]);
      }
    }
    expect([...kinds].sort()).toEqual([
      "GET /v1/charges",
      "GET /v1/payment_intents",
      "GET /v1/payment_intents/{intent}",
      "GET /v1/refunds",
      "POST /v1/payment_intents",
      "POST /v1/payment_intents/{intent}/cancel",
      "POST /v1/refunds",
    ]);
    for (const { method, path, status, body } of standIn.answers) {
      const { responses } = operationOf(stripe, method, path);
      const schema = schemaOf(responses[String(status)] ?? responses.default);
      expect(complaints(stripe, schema, body, `${method} ${path}`, false)).toEqual([]);
    }
  });

  test("every field we read of Stripe's objects is described, and states and events have the names we know", async () => {
    const stripe = await readDescription(stripeFile);
    const named = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
    for (const [name, ours] of [
      ["payment_intent", PaymentIntent],
      ["charge", Charge],
      ["refund", Refund],
      ["dispute", Dispute],
      ["event", Event],
      ["api_errors", StripeError],
    ] as const) {
      expect(unpublished(stripe, named(name), ours as Schema, name)).toEqual([]);
    }
    const states = stripe.components.schemas.payment_intent?.properties?.status?.enum;
    for (const state of ["succeeded", "canceled", "requires_action", "requires_payment_method", "requires_capture"]) {
      expect(states).toContain(state);
    }
    const hook = schemaOf(stripe.paths?.["/v1/webhook_endpoints"]?.post?.requestBody);
    const events = hook.properties?.enabled_events?.items?.enum;
    for (const event of [
      "payment_intent.succeeded",
      "payment_intent.payment_failed",
      "payment_intent.canceled",
      "refund.created",
      "refund.updated",
      "refund.failed",
      "charge.dispute.created",
    ]) {
      expect(events).toContain(event);
    }
    console.log(`Checked against Stripe's description of ${stripe.info.version}.`);
  });
});

describe.skipIf(adyenFiles.length === 0)("by Adyen's published description", () => {
  test("every request we make is described, with every field, and every answer of the stand-in could be Adyen's", async () => {
    const adyen = (await Promise.all(adyenFiles.map(readDescription))).find(({ paths }) => paths?.["/payments"]);
    if (adyen === undefined) throw new Error("None of the files describes the Checkout API.");
    const standIn = startAdyenStandIn(clock);
    const gateway = createAdyenGateway({
      clock,
      apiKey: adyenApiKey,
      merchantAccount: adyenMerchantAccount,
      hmacKeys: ["ab".repeat(32)],
      baseUrl: standIn.url,
    });
    await useAll(gateway, {
      good: adyenToken("charge"),
      bad: adyenToken("decline"),
      challenge: adyenToken("challenge"),
    });
    await standIn.stop();

    const kinds = new Set<string>();
    for (const { path, body } of standIn.requests) {
      kinds.add(path.replace(/PSP\d+/, "{psp}"));
      const schema = schemaOf(operationOf(adyen, "POST", path).requestBody);
      expect(complaints(adyen, schema, body, path, true)).toEqual([]);
    }
    expect([...kinds].sort()).toEqual(["/cancels", "/payments", "/payments/details", "/payments/{psp}/refunds"]);
    for (const { path, status, body } of standIn.answers) {
      const response = operationOf(adyen, "POST", path).responses[String(status)];
      expect([path, status, response !== undefined]).toEqual([path, status, true]);
      expect(complaints(adyen, schemaOf(response), body, path, status < 300)).toEqual([]);
    }
    const answer: Schema = { $ref: "#/components/schemas/PaymentResponse" };
    expect(unpublished(adyen, answer, PaymentAnswer as Schema, "PaymentResponse")).toEqual([]);
    const details: Schema = { $ref: "#/components/schemas/PaymentDetailsResponse" };
    // The answer to details sends nobody away a second time, so a redirect's method is not part of it.
    expect(unpublished(adyen, details, PaymentAnswer as Schema, "details")).toEqual([
      "details.action.method is not described",
    ]);
    for (const name of ["PaymentRefundResponse", "StandalonePaymentCancelResponse"]) {
      expect(unpublished(adyen, { $ref: `#/components/schemas/${name}` }, Accepted as Schema, name)).toEqual([]);
    }
    const error: Schema = { $ref: "#/components/schemas/ServiceError" };
    expect(unpublished(adyen, error, ServiceError as unknown as Schema, "ServiceError")).toEqual([]);
    const codes = adyen.components.schemas.PaymentResponse?.properties?.resultCode?.enum;
    for (const code of ["Authorised", "Refused", "Cancelled", "Error", "RedirectShopper"])
      expect(codes).toContain(code);
    console.log(`Checked against Adyen's description of Checkout ${adyen.info.version}.`);
  });

  test("every field we read of a notification is described for each kind that we take", async () => {
    const adyen = (await Promise.all(adyenFiles.map(readDescription))).find(({ webhooks }) => webhooks !== undefined);
    if (adyen === undefined)
      return console.warn("NOT CHECKED: no file in SPILLWAY_ADYEN_OPENAPI describes the webhooks.");
    for (const kind of [
      "AUTHORISATION",
      "CANCELLATION",
      "TECHNICAL_CANCEL",
      "REFUND",
      "REFUND_FAILED",
      "REFUNDED_REVERSED",
      "NOTIFICATION_OF_CHARGEBACK",
      "CHARGEBACK",
    ]) {
      const batch = schemaOf(adyen.webhooks?.[`/${kind}`]?.post?.requestBody);
      const [shape] = shapesOf(adyen, batch);
      const [wrapper] = shapesOf(adyen, shape?.properties?.notificationItems?.items ?? {});
      const found = unpublished(
        adyen,
        wrapper?.properties?.NotificationRequestItem ?? {},
        Item as unknown as Schema,
        kind,
      );
      // Of a payment itself there is no original one, and the signature is described in the manual only.
      const expected = [
        `${kind}.additionalData.hmacSignature is not described`,
        "AUTHORISATION.originalReference is not described",
      ];
      expect(found.filter((complaint) => !expected.includes(complaint))).toEqual([]);
    }
    console.log(`Checked against Adyen's description of webhooks ${adyen.info.version}.`);
  });
});
