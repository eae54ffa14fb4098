/**
 * A shop that sells without a line of script: everything that a shopper does, by the forms that stand in the pages, from
 * the product to the parcel, and every way in which it can go wrong in between.
 */
import { describe, expect, test } from "bun:test";
import { productDraft } from "../kit/drafts.ts";
import { fixtureProducts, type ShopProcess, testShop } from "../kit/shop.ts";
import { type Page, Shopper } from "./shopper.ts";

const shop = await testShop({
  processes: 2,
  products: [
    ...fixtureProducts,
    productDraft(
      "odd",
      [
        { sku: 'R&D #1 "big"', options: ["Ærlig & Söhne"], onHand: 10 },
        { sku: "50%+1", options: ['<b>12"</b>'], onHand: 10 },
      ],
      { title: 'Odd <i>"Thing"</i> & Co', optionNames: ["Kind"] },
    ),
  ],
});
const [here, there] = shop.processes as [ShopProcess, ShopProcess];

const address = {
  email: "ada@test.example",
  name: "Ada Berg",
  line1: "Kirkeveien 12",
  postalCode: "0364",
  city: "Oslo",
  country: "NO",
};

/** Puts the product into the cart by its own page. */
async function take(shopper: Shopper, handle: string, more: Record<string, string> = {}): Promise<Page> {
  return await shopper.send(await shopper.open(`/products/${handle}`), "/cart/lines", more);
}

async function toCheckout(shopper: Shopper, handle = "mug"): Promise<Page> {
  await take(shopper, handle);
  return await shopper.open("/checkout");
}

const pay = (token: string) => ({ ...address, paymentToken: token });

async function order(shopper: Shopper, token = "ok", handle = "mug"): Promise<Page> {
  return await shopper.send(await toCheckout(shopper, handle), "/checkout", { ...pay(token), action: "order" });
}

/** The order whose page this is. */
async function orderOf(page: Page) {
  const [found] = await shop.parts.orders.list({ limit: 1 });
  if (found === undefined || !page.path.startsWith("/orders/")) throw new Error(`no order: ${page.path} ${page.text}`);
  return found;
}

const orderCount = async () => (await shop.parts.orders.list({ limit: 100 })).length;

describe("the cart", () => {
  test("takes what its product's page offers, as many as were chosen, and shows what it comes to", async () => {
    const ada = new Shopper(here);
    const cart = await take(ada, "mug", { quantity: "3" });
    expect(cart.path).toBe("/cart");
    expect(cart.text).toContain("Stone Mug");
    expect(cart.text).toContain("3 items");
    expect(cart.text).toContain("€60.00");
    expect(ada.cookies.get("cart_count")).toBe("3");
  });

  test("adds to a line that is there, in one process and then in another", async () => {
    const ada = new Shopper(here);
    await take(ada, "mug");
    const elsewhere = new Shopper(there);
    for (const [name, value] of ada.cookies) elsewhere.cookies.set(name, value);
    expect((await take(elsewhere, "mug", { quantity: "2" })).text).toContain("3 items");
  });

  test("changes and empties by its own buttons", async () => {
    const ada = new Shopper(here);
    await take(ada, "mug");
    let cart = await take(ada, "tee");
    cart = await ada.send(cart, "/cart/lines/update", { sku: "MUG", quantity: "2" });
    expect(cart.text).toContain("3 items");
    cart = await ada.post("/cart/lines/update", { sku: "MUG", quantity: "0" });
    expect(cart.text).not.toContain("Stone Mug");
    cart = await ada.post("/cart/lines/update", { sku: "TEE-S", quantity: "0" });
    expect(cart.text).toContain("Your cart is empty");
    expect(ada.cookies.get("cart_count")).toBe("0");
  });

  test("refuses a number that is none, keeps what is in it, and says what to do", async () => {
    const ada = new Shopper(here);
    await take(ada, "mug");
    for (const quantity of ["0", "-1", "1001", "many", ""]) {
      const page = await ada.post("/cart/lines", { sku: "MUG", quantity });
      expect([page.status, page.text.includes("from 1 to 1,000")]).toEqual([422, true]);
    }
    for (const quantity of ["-1", "1001", "x"]) {
      expect((await ada.post("/cart/lines/update", { sku: "MUG", quantity })).status).toBe(422);
    }
    expect((await ada.open("/cart")).text).toContain("1 item");
  });

  test("says of a thing that went from sale since, or is scarcer than wanted, and does not lead to checkout", async () => {
    const ada = new Shopper(here);
    await take(ada, "tee");
    await take(ada, "mug", { quantity: "5" });
    await shop.stock("MUG", 2);
    await shop.parts.catalogueStore.publish("tee", null);
    await here.parts.catalogue.refresh();
    const cart = await ada.open("/cart");
    expect(cart.text).toContain("Only 2 left.");
    expect(cart.text).toContain("This is no longer for sale.");
    expect(cart.html).not.toContain('href="/checkout');
  });

  test("takes a promotion code however it is typed, shows what it saves, and gives it back", async () => {
    const ada = new Shopper(here);
    await take(ada, "mug");
    let cart = await ada.send(await ada.open("/cart"), "/cart/promotion", { code: " ten " });
    expect(cart.text).toContain("Code TEN applied");
    expect(cart.text).toContain("€2.00");
    cart = await ada.send(cart, "/cart/promotion", { code: "" });
    expect(cart.text).not.toContain("TEN");
  });

  const codes = { NONE: "do not know", LATER: "not valid yet", OVER: "no longer valid", BIG: "at least €500.00" };
  for (const [code, words] of Object.entries(codes)) {
    test(`says why the code ${code} gives nothing`, async () => {
      const ada = new Shopper(here);
      await take(ada, "mug");
      expect((await ada.post("/cart/promotion", { code })).text).toContain(words);
    });
  }

  test("of names with every odd sign in them shows them as they are, and each variant's link leads to it", async () => {
    const ada = new Shopper(here);
    const page = await ada.open("/products/odd");
    expect(page.text).toContain('Odd <i>"Thing"</i> & Co');
    const links = [...page.html.matchAll(/href="(\/products\/odd\?[^"]*)"/g)].map(([, href]) =>
      (href as string).replaceAll("&amp;", "&").replaceAll("&quot;", '"').replaceAll("&#34;", '"'),
    );
    const seen = new Set<string>();
    for (const link of links) {
      const variant = await ada.open(link);
      const form = variant.forms.find(({ action }) => action === "/cart/lines");
      seen.add(new Map(form?.fields).get("sku") ?? "");
    }
    expect(seen).toEqual(new Set(['R&D #1 "big"', "50%+1"]));
    const cart = await take(ada, "odd");
    expect(cart.status).toBe(200);
    const more = await ada.send(cart, "/cart/lines/update", { quantity: "2" });
    expect(more.text).toContain("2 items");
  });
});

describe("checkout", () => {
  test("of an empty cart leads back to the cart", async () => {
    expect((await new Shopper(here).open("/checkout")).path).toBe("/cart");
  });

  test("places the order, empties the cart and shows the order's page", async () => {
    const ada = new Shopper(here);
    const page = await order(ada);
    const placed = await orderOf(page);
    expect(placed).toMatchObject({ status: "received", email: "ada@test.example", total: 2490 });
    expect(page.text).toContain("Stone Mug");
    expect(ada.cookies.get("cart_count")).toBe("0");
    expect((await ada.open("/cart")).text).toContain("Your cart is empty");
    await here.work();
    expect((await ada.open(page.path)).text).toContain("paid");
  });

  test("shows every field that is wrong beside it, keeps what was typed, and orders nothing", async () => {
    const ada = new Shopper(here);
    const page = await ada.send(await toCheckout(ada), "/checkout", {
      ...pay("ok"),
      email: "not an address",
      phone: "call me",
      name: "",
      city: "Oslo\u0007",
      line1: 'Kirkeveien 12 "B" <b>',
      action: "order",
    });
    expect(page.status).toBe(422);
    for (const words of ["e-mail address such as", "phone number in digits", "name on the parcel", "town or city"]) {
      expect(page.text).toContain(words);
    }
    const kept = new Map(page.forms.find(({ action }) => action === "/checkout")?.fields);
    expect(kept.get("email")).toBe("not an address");
    expect(kept.get("line1")).toBe('Kirkeveien 12 "B" <b>');
    expect(await orderCount()).toBe(0);
    const done = await ada.send(page, "/checkout", { ...pay("ok"), phone: "", action: "order" });
    expect((await orderOf(done)).details.shippingAddress.line1).toBe("Kirkeveien 12");
  });

  test("reckons delivery and total anew for another country, and orders only what was shown", async () => {
    const ada = new Shopper(here);
    let page = await ada.send(await toCheckout(ada), "/checkout", { country: "US", action: "update" });
    expect(page.status).toBe(200);
    expect(page.text).toContain("€34.90");
    page = await ada.send(page, "/checkout", { ...pay("ok"), country: "US", action: "order" });
    expect(await orderOf(page)).toMatchObject({ total: 3490 });
  });

  test("of another country without asking for its price first is asked to agree to the new total", async () => {
    const ada = new Shopper(here);
    const page = await ada.send(await toCheckout(ada), "/checkout", { ...pay("ok"), country: "DE", action: "order" });
    expect(page.status).toBe(409);
    expect(page.text).toContain("is now €27.90");
    expect(await orderCount()).toBe(0);
    expect((await orderOf(await ada.send(page, "/checkout", { action: "order", paymentToken: "ok" }))).total).toBe(
      2790,
    );
  });

  test("where the chosen method does not go says so and offers those that do", async () => {
    const ada = new Shopper(here);
    const page = await ada.send(await toCheckout(ada), "/checkout", {
      ...pay("ok"),
      country: "US",
      shippingMethod: "express",
      action: "order",
    });
    expect(page.status).toBe(422);
    expect(page.text).toContain("does not go to US");
    const form = page.forms.find(({ action }) => action === "/checkout");
    expect(form?.choices.get("shippingMethod")).toEqual(["standard"]);
  });

  test("of something that sold out on the way says what, orders nothing, and the rest can still be had", async () => {
    const ada = new Shopper(here);
    await take(ada, "tee");
    const page = await toCheckout(ada);
    await shop.stock("MUG", 0);
    const refused = await ada.send(page, "/checkout", { ...pay("ok"), action: "order" });
    expect(refused.status).toBe(409);
    expect(refused.text).toContain("Stone Mug has just sold out");
    expect(refused.text).toContain("Nothing was ordered and nothing charged");
    expect(await orderCount()).toBe(0);
    await ada.post("/cart/lines/update", { sku: "MUG", quantity: "0" });
    await orderOf(await ada.send(await ada.open("/checkout"), "/checkout", { ...pay("ok"), action: "order" }));
  });

  test("of fewer than wanted says how many are left", async () => {
    const ada = new Shopper(here);
    await take(ada, "mug", { quantity: "4" });
    const page = await ada.open("/checkout");
    await shop.stock("MUG", 1);
    expect((await ada.send(page, "/checkout", { ...pay("ok"), action: "order" })).text).toContain(
      "only 1 of Stone Mug is left",
    );
  });

  test("over the limit for one person says how many they may have", async () => {
    const ada = new Shopper(here);
    await orderOf(await order(ada, "ok", "print"));
    await ada.post("/cart/lines", { sku: "PRINT", quantity: "2" });
    const page = await ada.send(await ada.open("/checkout"), "/checkout", { ...pay("ok"), action: "order" });
    expect([page.status, page.text.includes("One person may have 1 more")]).toEqual([409, true]);
  });

  test("with a code that was used up on the way says so", async () => {
    const ada = new Shopper(here);
    await take(ada, "mug");
    await ada.post("/cart/promotion", { code: "FIVE-TIMES" });
    const page = await ada.open("/checkout");
    await shop.sql.unsafe("update promotions set usage_limit = 1 where code = 'FIVE-TIMES'");
    await shop.parts.catalogue.refresh();
    const bo = new Shopper(here);
    await take(bo, "mug");
    await bo.post("/cart/promotion", { code: "FIVE-TIMES" });
    await orderOf(
      await bo.send(await bo.open("/checkout"), "/checkout", { ...pay("ok"), line1: "Elsewhere 1", action: "order" }),
    );
    const refused = await ada.send(page, "/checkout", { ...pay("ok"), action: "order" });
    expect([refused.status, refused.text.includes("used as often as it may")]).toEqual([409, true]);
  });

  test("whose price rose on the way asks again, with the new total in the form", async () => {
    const ada = new Shopper(here);
    const page = await toCheckout(ada);
    await shop.parts.catalogueStore.schedulePrice("MUG", { atMs: Date.now() - 5000, price: 2600, compareAt: null });
    const asked = await ada.send(page, "/checkout", { ...pay("ok"), action: "order" });
    expect([asked.status, asked.text.includes("is now €30.90")]).toEqual([409, true]);
    expect(await orderOf(await ada.send(asked, "/checkout", { paymentToken: "ok", action: "order" }))).toMatchObject({
      total: 3090,
    });
  });

  test("without a way to pay, or with one that is not offered, orders nothing", async () => {
    const ada = new Shopper(here);
    const page = await toCheckout(ada);
    expect((await ada.send(page, "/checkout", { ...address, paymentToken: "", action: "order" })).status).toBe(422);
    expect(
      (await ada.send(page, "/checkout", { ...pay("ok"), paymentProvider: "stripe", action: "order" })).status,
    ).toBe(422);
    expect(await orderCount()).toBe(0);
  });

  test("of a gift card alone needs no delivery and costs none", async () => {
    const ada = new Shopper(here);
    expect(await orderOf(await order(ada, "ok", "card"))).toMatchObject({ shipping: 0, total: 2500 });
  });
});

describe("the button pressed twice", () => {
  test("at once, in two processes, leads both presses to the one order", async () => {
    for (let round = 0; round < 5; round++) {
      const ada = new Shopper(here);
      const page = await toCheckout(ada);
      const again = new Shopper(there);
      for (const [name, value] of ada.cookies) again.cookies.set(name, value);
      const press = { ...pay("ok"), action: "order" };
      const pages = await Promise.all([ada.send(page, "/checkout", press), again.send(page, "/checkout", press)]);
      expect(pages[0]?.path).toStartWith("/orders/");
      expect(pages[1]?.path).toBe(pages[0]?.path as string);
      expect(await orderCount()).toBe(round + 1);
    }
  });

  test("after going back, long after the cart was emptied, leads to the one order", async () => {
    const ada = new Shopper(here);
    const page = await toCheckout(ada);
    const press = { ...pay("ok"), action: "order" };
    const first = await ada.send(page, "/checkout", press);
    await here.work();
    expect((await ada.send(page, "/checkout", press)).path).toBe(first.path);
    expect(await orderCount()).toBe(1);
  });

  test("after going back and putting something else into the cart is not taken for the first order", async () => {
    const ada = new Shopper(here);
    const page = await toCheckout(ada);
    const press = { ...pay("ok"), action: "order" };
    await ada.send(page, "/checkout", press);
    await take(ada, "tee");
    const asked = await ada.send(page, "/checkout", { ...press, expectedTotal: "3490 EUR" });
    expect(asked.status).toBe(409);
    expect(asked.text).toContain("Plain Tee");
    const second = await ada.send(asked, "/checkout", { ...press });
    expect((await orderOf(second)).lines.map(({ sku }) => sku)).toEqual(["TEE-S"]);
    expect(await orderCount()).toBe(2);
  });

  test("in two tabs of one cart, one after the other, orders the cart once", async () => {
    const ada = new Shopper(here);
    const tabs = [await toCheckout(ada), await ada.open("/checkout")];
    const press = { ...pay("ok"), action: "order" };
    await orderOf(await ada.send(tabs[0] as Page, "/checkout", press));
    const second = await ada.send(tabs[1] as Page, "/checkout", press);
    expect(second.path).not.toBe("/checkout");
    expect(await orderCount()).toBe(1);
  });

  test("in two tabs of one cart, at the same moment, orders the cart once", async () => {
    for (let round = 0; round < 5; round++) {
      const ada = new Shopper(here);
      const tabs = [await toCheckout(ada), await ada.open("/checkout")] as const;
      const again = new Shopper(there);
      for (const [name, value] of ada.cookies) again.cookies.set(name, value);
      const press = { ...pay("ok"), action: "order" };
      await Promise.all([ada.send(tabs[0], "/checkout", press), again.send(tabs[1], "/checkout", press)]);
      expect(await orderCount()).toBe(round + 1);
    }
  });
});

describe("paying", () => {
  test("a declined card leaves the units held, and another one pays", async () => {
    const ada = new Shopper(here);
    let page = await order(ada, "declined");
    await here.work();
    page = await ada.open(page.path);
    expect(page.text).toContain("did not go through");
    expect((await shop.level("MUG")).held).toBe(1);
    const payment = `${page.path}/payment`;
    await ada.post(payment, { paymentProvider: "sandbox", paymentToken: "insufficient_funds" });
    await here.work();
    page = await ada.open(page.path);
    page = await ada.send(page, payment, { paymentToken: "ok" });
    await here.work();
    expect((await orderOf(await ada.open(page.path))).status).toBe("paid");
    expect(await shop.level("MUG")).toMatchObject({ held: 0, sold: 1 });
  });

  test("another card that is none, or none that is offered, is asked for again", async () => {
    const ada = new Shopper(here);
    const page = await order(ada, "declined");
    await here.work();
    const payment = `${page.path}/payment`;
    for (const fields of [{}, { paymentToken: "" }, { paymentProvider: "stripe", paymentToken: "tok" }]) {
      const asked = await ada.post(payment, fields as Record<string, string>);
      expect([asked.status, asked.text.includes("Please choose how to pay")]).toEqual([409, true]);
    }
    await shop.parts.orders.cancel((await orderOf(page)).id, "test");
    expect((await ada.post(payment, { paymentProvider: "sandbox", paymentToken: "ok" })).text).toContain(
      "does not wait for another payment",
    );
  });

  test("a challenge that is approved at the bank pays the order", async () => {
    const ada = new Shopper(here);
    let page = await order(ada, "action_required");
    await here.work();
    page = await ada.open(page.path);
    const link = /href="(?:http:\/\/shop\.test)?(\/sandbox\/challenge\/[^"]+)"/.exec(page.html)?.[1];
    const bank = await ada.open(link ?? "no link");
    expect(bank.text).toContain("Test bank: no money moves");
    expect(bank.text).toContain("€24.90");
    page = await ada.send(bank, "", { answer: "approve" });
    expect(page.path).toStartWith("/orders/");
    expect((await orderOf(page)).status).toBe("paid");
    expect(page.text).toContain("paid");
  });

  test("a challenge that is declined at the bank asks for another card, and the units stay held", async () => {
    const ada = new Shopper(here);
    let page = await order(ada, "action_required");
    await here.work();
    const link = /href="(?:http:\/\/shop\.test)?(\/sandbox\/challenge\/[^"]+)"/.exec((await ada.open(page.path)).html);
    page = await ada.send(await ada.open(link?.[1] ?? "no link"), "", { answer: "decline" });
    expect((await orderOf(page)).canRetryPayment).toBe(true);
    expect((await shop.level("MUG")).held).toBe(1);
    page = await ada.send(page, `${page.path}/payment`, { paymentToken: "ok" });
    await here.work();
    expect((await orderOf(await ada.open(page.path))).status).toBe("paid");
  });

  test("a challenge that does not exist is a page that says so", async () => {
    const ada = new Shopper(here);
    expect((await ada.open("/sandbox/challenge/sandbox_nothing")).status).toBe(404);
    expect((await ada.post("/sandbox/challenge/sandbox_nothing", { answer: "approve" })).status).toBe(404);
  });
});

describe("an order", () => {
  test("is cancelled by its own button, and its units go back on sale", async () => {
    const ada = new Shopper(here);
    let page = await order(ada);
    page = await ada.send(page, `${page.path}/cancel`);
    expect((await orderOf(page)).status).toBe("cancelled");
    expect(page.text).toContain("cancelled");
    expect((await shop.level("MUG")).available).toBe(100);
    expect(page.forms.some(({ action }) => action.endsWith("/cancel"))).toBe(false);
  });

  test("that is paid is cancelled by its own button, and the money goes back", async () => {
    const ada = new Shopper(here);
    let page = await order(ada);
    await here.work();
    page = await ada.open(page.path);
    page = await ada.send(page, `${page.path}/cancel`);
    await here.work();
    expect((await orderOf(page)).status).toBe("refunded");
    expect((await ada.open(page.path)).text).toContain("€24.90");
  });

  test("that has left the building is not cancelled, and says what can be done instead", async () => {
    const ada = new Shopper(here);
    const page = await order(ada);
    await here.work();
    await shop.parts.orders.fulfil((await orderOf(page)).id, "shipped", { carrier: "Posten", number: "42", url: null });
    const refused = await ada.post(`${page.path}/cancel`, {});
    expect([refused.status, refused.text.includes("no longer be cancelled")]).toEqual([409, true]);
    expect(refused.text).toContain("Posten");
  });

  test("is found again by its number and e-mail address, however they are typed", async () => {
    const ada = new Shopper(here);
    const page = await order(ada);
    const number = page.path.split("/")[2] as string;
    const look = async (orderNumber: string, email: string) => {
      const bo = new Shopper(there);
      return await bo.send(await bo.open("/orders/lookup"), "/orders/lookup", { orderNumber, email });
    };
    expect((await look(number, "ada@test.example")).path).toBe(page.path);
    expect((await look(` ${number.toLowerCase()} `, " ADA@test.example ")).path).toBe(page.path);
    for (const [wrongNumber, email] of [
      [number, "bo@test.example"],
      [number, ""],
      ["SNOTHING1", "ada@test.example"],
      ["", ""],
      [`${number}0`, "ada@test.example"],
    ] as const) {
      const none = await look(wrongNumber, email);
      expect([none.status, none.text.includes("We find no order")]).toEqual([404, true]);
    }
  });
});
