/** Stock and prices are told as they are, and every choice of an option leads somewhere. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ProductView, VariantView } from "#contract/shop.ts";
import { availability, chosenVariant, productBadge, variantWith } from "./availability.ts";
import { productPrice, productSaving, savedPercent, variantPrice } from "./price.ts";

const frame = { locale: "en-IE" };
const eur = (amount: number) => ({ amount, currency: "EUR" });
const variant = (options: string[], more: Partial<VariantView> = {}): VariantView => ({
  sku: options.join("-"),
  options,
  price: eur(1000),
  compareAt: null,
  available: true,
  left: null,
  delivery: "in_stock",
  shipsOn: null,
  purchaseLimit: null,
  image: null,
  ...more,
});
const gone = { available: false, left: 0, delivery: "sold_out" } as const;
const product = (variants: VariantView[]): ProductView => ({
  handle: "x",
  title: "X",
  vendor: "",
  type: "",
  tags: [],
  descriptionHtml: "",
  optionNames: ["Colour", "Size"],
  images: [],
  variants,
  seoTitle: "",
  seoDescription: "",
});

test("availability says what may be relied on", () => {
  const say = (more: Partial<VariantView>) => availability(frame, variant(["a"], more));
  expect(say({})).toEqual({ level: "full", text: "In stock, ready to ship" });
  expect(say({ left: 7 })).toEqual({ level: "low", text: "7 left" });
  expect(say(gone)).toEqual({ level: "empty", text: "Sold out" });
  expect(say({ delivery: "preorder", shipsOn: "2027-01-15" })).toEqual({
    level: "half",
    text: "Pre-order: ships 15 January 2027",
  });
  expect(say({ delivery: "backorder" })).toEqual({ level: "half", text: "Back-order: ships as soon as it is made" });
  expect(say({ available: false, delivery: "preorder" }).text).toBe("Sold out");
});

test("a tile speaks for all of its variants", () => {
  expect(productBadge(product([variant(["a"], gone), variant(["b"], gone)]))?.text).toBe("Sold out");
  expect(productBadge(product([variant(["a"], gone), variant(["b"])]))).toBeNull();
  expect(productBadge(product([variant(["a"], { left: 2 }), variant(["b"], { left: 3 })]))?.text).toBe("5 left");
  expect(productBadge(product([variant(["a"], { left: 2 }), variant(["b"])]))).toBeNull();
});

test("a choice leads to the same variant in all else, else to the nearest, and always to the value chosen", () => {
  const several = fc
    .uniqueArray(fc.tuple(fc.constantFrom("red", "blue", "green"), fc.constantFrom("S", "M", "L"), fc.boolean()), {
      minLength: 1,
      selector: ([colour, size]) => `${colour} ${size}`,
    })
    .map((rows) => product(rows.map(([colour, size, available]) => variant([colour, size], available ? {} : gone))));
  fc.assert(
    fc.property(several, fc.nat(), fc.nat(1), (of, which, option) => {
      const present = of.variants[which % of.variants.length] as VariantView;
      for (const value of new Set(of.variants.map((one) => one.options[option] ?? ""))) {
        const found = variantWith(of, present, option, value);
        expect(found?.options[option]).toBe(value);
        const exact = present.options.map((own, index) => (index === option ? value : own)).join("-");
        if (of.variants.some((one) => one.sku === exact)) expect(found?.sku).toBe(exact);
      }
      expect(variantWith(of, present, option, present.options[option] ?? "")?.sku).toBe(present.sku);
    }),
  );
});

test("an unknown SKU shows the first variant that can be had", () => {
  const of = product([variant(["a"], gone), variant(["b"])]);
  expect(chosenVariant(of, "nothing")?.sku).toBe("b");
  expect(chosenVariant(of, "a")?.sku).toBe("a");
  expect(chosenVariant(product([]), null)).toBeUndefined();
});

test("a saving is never rounded up, nor claimed when there is none", () => {
  expect(savedPercent(eur(667), eur(1000))).toBe(33);
  expect(savedPercent(eur(1000), eur(1000))).toBe(0);
  expect(savedPercent(eur(1000), eur(900))).toBe(0);
  expect(savedPercent(eur(1), { amount: 9, currency: "USD" })).toBe(0);
  expect(variantPrice(frame, variant(["a"], { compareAt: eur(900) })).toString()).toBe("<strong>€10.00</strong>");
  expect(variantPrice(frame, variant(["a"], { compareAt: eur(1250) })).toString()).toContain(
    '<s><span class="vh">Before </span>€12.50</s>',
  );
});

test("a tile's price and saving are of what can be had", () => {
  const cheap = variant(["a"], { price: eur(500), compareAt: eur(1000), ...gone });
  expect(productPrice(frame, product([cheap, variant(["b"])])).toString()).toBe("<strong>€10.00</strong>");
  expect(productSaving(product([cheap, variant(["b"])]))).toBeNull();
  const sale = variant(["a"], { compareAt: eur(2000) });
  expect(productSaving(product([sale]))).toBe("50% off");
  expect(productSaving(product([sale, variant(["b"])]))).toBe("Up to 50% off");
  expect(productPrice(frame, product([sale, variant(["b"], { price: eur(3000) })])).toString()).toBe(
    '<strong class="sale">From €10.00</strong>',
  );
});
