/** People of the simulated world: shoppers who click twice, come back, change their minds or go away, and an operator. */
import type { OrderRequest } from "#commerce/orders/order-request.ts";
import type { Order } from "#commerce/orders/ports.ts";
import { resumePayment } from "#flows/pay-order.ts";
import type { PlaceOrderAnswer } from "#flows/place-order.ts";
import { anyCard, type Bank } from "./bank.ts";
import { noChargeUnderWay } from "./invariants.ts";
import type { Process } from "./scheduler.ts";
import { promotionCode, skus } from "./shelves.ts";
import type { ShopProcess } from "./shop-process.ts";
import { brief, isMeant, type World } from "./world.ts";

export type Street = {
  readonly world: World;
  readonly banks: readonly Bank[];
  /** The shop processes that run at this moment. */
  readonly shops: () => readonly ShopProcess[];
  /** By idempotency key: the order that a shopper was told of. */
  readonly acknowledged: Map<string, number>;
};

/** What a person asks of a shop, whichever process answers. Undefined: no answer, or one that says "try again". */
async function ask<Answer>(
  street: Street,
  person: Process,
  what: string,
  work: (shop: ShopProcess) => Promise<Answer>,
): Promise<Answer | undefined> {
  const { world } = street;
  const shops = street.shops();
  if (shops.length === 0) return undefined;
  const shop = world.dice.pick(shops);
  world.note(person, `${what} at ${shop.process.name}`);
  try {
    return await world.request(person, shop.process, async () => await work(shop));
  } catch (error) {
    if (!isMeant(error)) world.unexpected(`${person.name} ${what}`, error);
    world.note(person, `${what}: no answer`);
    return undefined;
  }
}

export async function shop(street: Street, person: Process): Promise<void> {
  const { world } = street;
  const { dice, scheduler } = world;
  await scheduler.pause(person, dice.whole(0, 20_000));
  const key = person.name;
  const request = drawRequest(street);
  const clicks = [place(street, person, request, key)];
  if (dice.chance(0.3)) clicks.push(place(street, person, request, key));
  if (dice.chance(0.1)) {
    // The cart was changed in another tab, and the key is still the old one.
    const other = { ...request, email: `other-${request.email}` };
    clicks.push(place(street, person, other, key));
  }
  const ids = new Set((await Promise.all(clicks)).filter((id) => id !== undefined));
  if (ids.size > 1) world.violation(`${key} was answered with ${ids.size} orders: ${[...ids].join(", ")}`);
  const [id] = ids;
  if (id !== undefined && dice.chance(0.85)) await follow(street, person, id);
  if (dice.chance(0.1)) await place(street, person, request, key);
}

function drawRequest({ world, banks }: Street): OrderRequest {
  const { dice } = world;
  const who = dice.whole(1, 4);
  const [bank, backup] = banks;
  const wanted = dice.some(skus, 0.3);
  const lines = (wanted.length === 0 ? [dice.pick(skus)] : wanted).map((sku) => ({ sku, quantity: dice.whole(1, 2) }));
  return {
    lines,
    email: `person${who}@example.com`,
    shippingAddress: { name: "A Person", line1: `${who} Street`, city: "Oslo", postalCode: "0150", country: "NO" },
    shippingMethod: dice.pick(["standard", "express"]),
    ...(dice.chance(0.3) ? { promotionCode } : {}),
    payment: {
      provider: bank?.name ?? "",
      token: anyCard,
      ...(backup === undefined ? {} : { backup: { provider: backup.name, token: anyCard } }),
    },
  };
}

/** Sends the order until there is an answer, or patience ends. Answers the order's id once it is acknowledged. */
async function place(street: Street, person: Process, request: OrderRequest, key: string): Promise<number | undefined> {
  const { world, acknowledged } = street;
  const { dice, scheduler } = world;
  const tries = dice.pick([1, 3, 8]);
  for (let attempt = 1; attempt <= tries; attempt++) {
    await scheduler.pause(person, attempt === 1 ? dice.whole(0, 300) : dice.whole(500, 5000));
    const answer = await ask<PlaceOrderAnswer>(street, person, "places", (at) => at.placeOrder.place(request, key));
    if (answer === undefined) continue;
    world.note(person, `is told ${brief(answer)}`);
    if (answer.kind !== "placed") return undefined;
    const before = acknowledged.get(key);
    if (before !== undefined && before !== answer.id)
      world.violation(`the key ${key} gave the order ${before}, and later ${answer.id}`);
    acknowledged.set(key, answer.id);
    return answer.id;
  }
  return undefined;
}

/** Watches an order for a while and does something about it, or does not. */
async function follow(street: Street, person: Process, id: number): Promise<void> {
  const { world } = street;
  const { dice, scheduler } = world;
  for (let look = 0; look < dice.pick([3, 10, 20]); look++) {
    await scheduler.pause(person, dice.whole(300, 12_000));
    const order = await ask(street, person, `looks at ${id}`, async (at) => (await at.orders.get(id)) ?? "none");
    if (order === undefined) continue;
    if (order === "none") {
      world.violation(`the order ${id} was acknowledged, and cannot be read`);
      return;
    }
    if (dice.chance(0.08)) await cancel(street, person, id, "changed my mind");
    if (order.redirectUrl !== null && dice.chance(0.6)) await confirm(street, person, id, order.redirectUrl);
    if (order.canRetryPayment && dice.chance(0.7)) await payAnew(street, person, order);
    if (["cancelled", "expired", "refunded"].includes(order.status)) return;
  }
}

async function confirm(street: Street, person: Process, id: number, redirectUrl: string): Promise<void> {
  const { world, banks } = street;
  const { dice, scheduler } = world;
  const reference = decodeURIComponent(redirectUrl.split("/").at(-1) ?? "");
  // Some take their time over it; perhaps all of the time they have.
  await scheduler.pause(person, dice.chance(0.2) ? dice.whole(80_000, 120_000) : dice.whole(100, 20_000));
  const isApproved = dice.chance(0.7);
  for (const { gateway } of banks) {
    const ended = await (isApproved ? gateway.approve(reference) : gateway.decline(reference));
    if (ended === null) continue;
    world.note(person, `${isApproved ? "approves" : "declines"} ${brief(ended.attemptKey)}: ${ended.state}`);
  }
  if (dice.chance(0.6)) {
    await ask(street, person, `comes back to ${id}`, (at) => resumePayment(at.paymentFlow, id, new URLSearchParams()));
  }
}

async function cancel(street: Street, person: Process, id: number, reason: string): Promise<void> {
  const told = await ask(street, person, `cancels ${id}`, (at) => at.orders.cancel(id, reason));
  if (told === "cancelled") await street.world.scheduler.outside(noChargeUnderWay(street.world, id));
}

async function payAnew({ world, ...street }: Street, person: Process, order: Order): Promise<void> {
  const bank = world.dice.pick(street.banks);
  await ask({ world, ...street }, person, `pays ${order.id} anew`, (at) =>
    at.orders.retryPayment(order.id, { provider: bank.name, token: anyCard }),
  );
}

/** Ships, gives money back, cancels, counts stock and changes prices, at odd moments. */
export async function operate(street: Street, person: Process): Promise<void> {
  const { world, acknowledged } = street;
  const { dice, scheduler } = world;
  for (let step = 0; step < 12; step++) {
    await scheduler.pause(person, dice.whole(500, 15_000));
    const ids = [...acknowledged.values()];
    if (ids.length === 0) continue;
    const id = dice.pick(ids);
    const amount = dice.pick([100, 500, 100_000]);
    switch (dice.whole(1, 4)) {
      case 1:
        await cancel(street, person, id, "by the shop");
        break;
      case 2:
        await ask(street, person, `refunds ${amount} of ${id}`, (at) =>
          at.orders.refund(id, amount, `key.${step >> 1}`, "a stain"),
        );
        break;
      case 3:
        await ask(street, person, `packs ${id}`, (at) => at.orders.fulfil(id, "packed", null));
        break;
      case 4:
        await ask(street, person, `ships ${id}`, (at) => at.orders.fulfil(id, "shipped", null));
        break;
    }
  }
}
