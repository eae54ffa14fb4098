/** What an order comes to, by hand: every line of these tables can be checked with pencil and paper. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { defaultSettings, type Promotion, type ShopSettings } from "./shop-settings.ts";
import { shippingPrice, type Totals, type TotalsInput, taxRate, totals } from "./totals.ts";

const included: ShopSettings = defaultSettings;
/** Prices without tax, which is added at checkout. */
const added: ShopSettings = {
  ...defaultSettings,
  currency: "USD",
  taxes: { included: false, rates: { US: 825, CA: 1300 }, defaultRate: 500 },
};

const line = (unitPrice: number, quantity = 1, more: Partial<TotalsInput["lines"][number]> = {}) => ({
  unitPrice,
  quantity,
  taxable: true,
  requiresShipping: true,
  ...more,
});

const code = (kind: Promotion["kind"], value: number, more: Partial<Promotion> = {}): Promotion => ({
  id: 1,
  code: "CODE",
  kind,
  value,
  minimumSubtotal: 0,
  startsAtMs: 0,
  endsAtMs: Number.MAX_SAFE_INTEGER,
  limitPerPerson: null,
  ...more,
});

const sums = (lines: TotalsInput["lines"], more: Partial<TotalsInput> = {}): Totals =>
  totals({
    lines,
    settings: included,
    country: "NO",
    shippingMethod: "standard",
    promotion: null,
    nowMs: 1000,
    ...more,
  });

type Row = readonly [
  what: string,
  lines: TotalsInput["lines"],
  more: Partial<TotalsInput>,
  comesTo: { subtotal: number; discount: number; shipping: number | null; tax: number; total: number },
];

const table = (rows: readonly Row[]) => {
  for (const [what, lines, more, comesTo] of rows) {
    test(what, () => {
      const { subtotal, discount, shipping, tax, total } = sums(lines, more);
      expect({ subtotal, discount, shipping, tax, total }).toEqual(comesTo);
    });
  }
};

describe("where prices hold the tax already", () => {
  table([
    // 2000 x 25/125 = 400, and of 490 delivery 98.
    ["a mug to Oslo", [line(2000)], {}, { subtotal: 2000, discount: 0, shipping: 490, tax: 498, total: 2490 }],
    ["three of it", [line(2000, 3)], {}, { subtotal: 6000, discount: 0, shipping: 490, tax: 1298, total: 6490 }],
    // 1490 of delivery, no tax where no rate is named.
    [
      "to a country without a rate",
      [line(2000)],
      { country: "US" },
      { subtotal: 2000, discount: 0, shipping: 1490, tax: 0, total: 3490 },
    ],
    // 2000 x 19/119 = 319.33; 790 x 19/119 = 126.13.
    [
      "to Germany",
      [line(2000)],
      { country: "DE" },
      { subtotal: 2000, discount: 0, shipping: 790, tax: 445, total: 2790 },
    ],
    // 2550 basis points: 2000 x 2550/12550 = 406.37; 490 x 2550/12550 = 99.56.
    [
      "to Finland, with half a percent",
      [line(2000)],
      { country: "FI" },
      { subtotal: 2000, discount: 0, shipping: 490, tax: 506, total: 2490 },
    ],
    [
      "by express",
      [line(2000)],
      { shippingMethod: "express" },
      { subtotal: 2000, discount: 0, shipping: 1290, tax: 658, total: 3290 },
    ],
    // Each line is rounded by itself: 3 x (1 x 25/125 = 0.2 -> 0), and of 490 98.
    [
      "of three lines of a cent",
      [line(1), line(1), line(1)],
      {},
      { subtotal: 3, discount: 0, shipping: 490, tax: 98, total: 493 },
    ],
    ["of one line of three cents", [line(1, 3)], {}, { subtotal: 3, discount: 0, shipping: 490, tax: 99, total: 493 }],
    // 5 x 2500/12500 = 1 exactly; half a cent goes up: 250 x 25/125 = 50.
    ["that is given away", [line(0)], {}, { subtotal: 0, discount: 0, shipping: 490, tax: 98, total: 490 }],
    [
      "that needs no delivery",
      [line(2500, 1, { requiresShipping: false })],
      {},
      { subtotal: 2500, discount: 0, shipping: 0, tax: 500, total: 2500 },
    ],
    [
      "that is free of tax, sent",
      [line(2500, 1, { taxable: false })],
      {},
      { subtotal: 2500, discount: 0, shipping: 490, tax: 98, total: 2990 },
    ],
    [
      "a card beside a mug is sent with it",
      [line(2500, 1, { requiresShipping: false, taxable: false }), line(2000)],
      {},
      { subtotal: 4500, discount: 0, shipping: 490, tax: 498, total: 4990 },
    ],
    [
      "a cent below free delivery",
      [line(7499)],
      {},
      { subtotal: 7499, discount: 0, shipping: 490, tax: 1598, total: 7989 },
    ],
    ["at free delivery", [line(7500)], {}, { subtotal: 7500, discount: 0, shipping: 0, tax: 1500, total: 7500 }],
    [
      "brought below free delivery by a code",
      [line(8000)],
      { promotion: code("percent", 10) },
      { subtotal: 8000, discount: 800, shipping: 490, tax: 1538, total: 7690 },
    ],
    ["of nothing", [], {}, { subtotal: 0, discount: 0, shipping: 0, tax: 0, total: 0 }],
    [
      "before the country is known",
      [line(2000)],
      { country: null },
      { subtotal: 2000, discount: 0, shipping: null, tax: 0, total: 2000 },
    ],
    [
      "before the delivery is chosen",
      [line(2000)],
      { shippingMethod: null },
      { subtotal: 2000, discount: 0, shipping: null, tax: 400, total: 2000 },
    ],
    [
      "by a method that does not go there",
      [line(2000)],
      { country: "US", shippingMethod: "express" },
      { subtotal: 2000, discount: 0, shipping: null, tax: 0, total: 2000 },
    ],
    [
      "by a method that there is not",
      [line(2000)],
      { shippingMethod: "pigeon" },
      { subtotal: 2000, discount: 0, shipping: null, tax: 400, total: 2000 },
    ],
  ]);
});

describe("where tax is added at checkout", () => {
  const us = { settings: added, country: "US" };
  table([
    // 1000 x 8.25 % = 82.5 -> 83; 1490 x 8.25 % = 122.9 -> 123.
    ["a thing to the US", [line(1000)], us, { subtotal: 1000, discount: 0, shipping: 1490, tax: 206, total: 2696 }],
    [
      "half a cent goes up, on each line",
      [line(200), line(200)],
      us,
      { subtotal: 400, discount: 0, shipping: 1490, tax: 157, total: 2047 },
    ],
    ["less than half goes down", [line(6)], us, { subtotal: 6, discount: 0, shipping: 1490, tax: 123, total: 1619 }],
    [
      "to a country of the default rate",
      [line(1000)],
      { settings: added, country: "BR" },
      { subtotal: 1000, discount: 0, shipping: 1490, tax: 125, total: 2615 },
    ],
    [
      "free of tax",
      [line(1000, 1, { taxable: false })],
      us,
      { subtotal: 1000, discount: 0, shipping: 1490, tax: 123, total: 2613 },
    ],
    [
      "without delivery",
      [line(1000, 1, { requiresShipping: false })],
      us,
      { subtotal: 1000, discount: 0, shipping: 0, tax: 83, total: 1083 },
    ],
    [
      "tax is on what is left after the code",
      [line(1000)],
      { ...us, promotion: code("fixed", 500) },
      { subtotal: 1000, discount: 500, shipping: 1490, tax: 164, total: 2154 },
    ],
    [
      "nothing is added before the country is known",
      [line(1000)],
      { settings: added, country: null },
      { subtotal: 1000, discount: 0, shipping: null, tax: 0, total: 1000 },
    ],
  ]);
});

describe("a code", () => {
  table([
    [
      "of ten percent",
      [line(2000)],
      { promotion: code("percent", 10) },
      { subtotal: 2000, discount: 200, shipping: 490, tax: 458, total: 2290 },
    ],
    // 1999 x 10 % = 199.9 -> 200, over 999 and 1000: 100 and 100. 899 x 0.2 = 179.8, 900 x 0.2 = 180.
    [
      "of ten percent of what does not divide",
      [line(333, 3), line(1000)],
      { promotion: code("percent", 10) },
      { subtotal: 1999, discount: 200, shipping: 490, tax: 458, total: 2289 },
    ],
    [
      "of a percent of a cent takes nothing",
      [line(1)],
      { promotion: code("percent", 1) },
      { subtotal: 1, discount: 0, shipping: 490, tax: 98, total: 491 },
    ],
    [
      "of half of a cent takes it",
      [line(1)],
      { promotion: code("percent", 50) },
      { subtotal: 1, discount: 1, shipping: 490, tax: 98, total: 490 },
    ],
    [
      "of everything leaves the delivery",
      [line(2000)],
      { promotion: code("percent", 100) },
      { subtotal: 2000, discount: 2000, shipping: 490, tax: 98, total: 490 },
    ],
    [
      "of nothing takes nothing",
      [line(2000)],
      { promotion: code("percent", 0) },
      { subtotal: 2000, discount: 0, shipping: 490, tax: 498, total: 2490 },
    ],
    [
      "of five euros",
      [line(2000)],
      { promotion: code("fixed", 500) },
      { subtotal: 2000, discount: 500, shipping: 490, tax: 398, total: 1990 },
    ],
    [
      "of more than the goods takes no more than them",
      [line(2000)],
      { promotion: code("fixed", 9999) },
      { subtotal: 2000, discount: 2000, shipping: 490, tax: 98, total: 490 },
    ],
    [
      "for free delivery",
      [line(2000)],
      { promotion: code("free_shipping", 0) },
      { subtotal: 2000, discount: 0, shipping: 0, tax: 400, total: 2000 },
    ],
    [
      "for free delivery does not send where nobody goes",
      [line(2000)],
      { promotion: code("free_shipping", 0), country: "US", shippingMethod: "express" },
      { subtotal: 2000, discount: 0, shipping: null, tax: 0, total: 2000 },
    ],
  ]);

  const problems: readonly (readonly [string, Partial<Promotion>, number, Totals["promotionProblem"]])[] = [
    ["a millisecond before it begins gives nothing", { startsAtMs: 1001 }, 1000, "not_started"],
    ["gives from its first millisecond", { startsAtMs: 1000 }, 1000, null],
    ["gives until its last millisecond", { endsAtMs: 1001 }, 1000, null],
    ["is over at its end", { endsAtMs: 1000 }, 1000, "over"],
    ["gives nothing a cent below its minimum", { minimumSubtotal: 2001 }, 1000, { minimumSubtotal: 2001 }],
    ["gives at its minimum", { minimumSubtotal: 2000 }, 1000, null],
  ];
  for (const [what, more, nowMs, problem] of problems) {
    test(what, () => {
      const { promotionProblem, discount } = sums([line(2000)], { promotion: code("percent", 10, more), nowMs });
      expect([promotionProblem, discount]).toEqual([problem, problem === null ? 200 : 0]);
    });
  }

  test("is spread over the lines by what they cost, to the last cent", () => {
    const { lines } = sums([line(1000), line(1000), line(1000)], { promotion: code("fixed", 100) });
    expect(lines.map(({ discount }) => discount)).toEqual([34, 33, 33]);
  });
});

describe("delivery", () => {
  const method = included.shipping[0] as ShopSettings["shipping"][number];
  test("costs what the first fitting rate says, and free from its sum", () => {
    const rates: readonly (readonly [country: string, goods: number, price: number])[] = [
      ["NO", 0, 490],
      ["NO", 7499, 490],
      ["NO", 7500, 0],
      ["DE", 9999, 790],
      ["DE", 10_000, 0],
      ["JP", 1_000_000, 1490],
    ];
    for (const [country, goods, price] of rates) expect(shippingPrice(method, country, goods)).toBe(price);
  });

  test("does not go where no rate names the country, nor every other", () => {
    expect(shippingPrice({ ...method, rates: method.rates.slice(0, 2) }, "JP", 0)).toBeUndefined();
  });

  test("tax goes by the country's rate, or the shop's default", () => {
    expect([taxRate(included, "NO"), taxRate(included, "US"), taxRate(added, "BR")]).toEqual([2500, 0, 500]);
  });
});

describe("whatever is in the cart", () => {
  const anyInput: fc.Arbitrary<TotalsInput> = fc.record({
    lines: fc.array(
      fc.record({
        unitPrice: fc.oneof(fc.nat({ max: 500 }), fc.nat({ max: 100_000_000 })),
        quantity: fc.integer({ min: 1, max: 1000 }),
        taxable: fc.boolean(),
        requiresShipping: fc.boolean(),
      }),
      { maxLength: 12 },
    ),
    settings: fc.constantFrom(included, added),
    country: fc.constantFrom("NO", "DE", "US", "CA", "FI", "CH", null),
    shippingMethod: fc.constantFrom("standard", "express", "pigeon", null),
    promotion: fc.option(
      fc
        .record({
          kind: fc.constantFrom<Promotion["kind"]>("percent", "fixed", "free_shipping"),
          percent: fc.integer({ min: 0, max: 100 }),
          fixed: fc.nat({ max: 1_000_000 }),
          minimumSubtotal: fc.constantFrom(0, 0, 1000),
        })
        .map(({ kind, percent, fixed, minimumSubtotal }) =>
          code(kind, kind === "percent" ? percent : fixed, { minimumSubtotal }),
        ),
      { nil: null },
    ),
    nowMs: fc.constant(1000),
  });

  test("its sums are whole, never below nothing, and add up to the last cent", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const { lines, subtotal, discount, shipping, tax, total } = totals(input);
        const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
        expect(lines).toHaveLength(input.lines.length);
        expect(subtotal).toBe(sum(lines.map((one) => one.total)));
        expect(discount).toBe(sum(lines.map((one) => one.discount)));
        for (const [index, one] of lines.entries()) {
          expect(one.total).toBe((input.lines[index]?.unitPrice ?? 0) * (input.lines[index]?.quantity ?? 0));
          expect(one.discount >= 0 && one.discount <= one.total).toBe(true);
          expect(one.tax >= 0 && one.tax <= one.total).toBe(true);
          if (input.lines[index]?.taxable === false) expect(one.tax).toBe(0);
        }
        expect(tax).toBeGreaterThanOrEqual(sum(lines.map((one) => one.tax)));
        expect(total).toBe(subtotal - discount + (shipping ?? 0) + (input.settings.taxes.included ? 0 : tax));
        expect(total).toBeGreaterThanOrEqual(0);
        for (const value of [subtotal, discount, shipping ?? 0, tax, total])
          expect(Number.isSafeInteger(value)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("a code never makes it dearer, but where it takes free delivery away, and then by no more than the delivery", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const [plain, reduced] = [totals({ ...input, promotion: null }), totals(input)];
        const tax = input.settings.taxes.included ? 0 : reduced.tax;
        const dearer = reduced.total - tax - (plain.total - (input.settings.taxes.included ? 0 : plain.tax));
        expect(dearer).toBeLessThanOrEqual((reduced.shipping ?? 0) - (plain.shipping ?? 0));
      }),
      { numRuns: 300 },
    );
  });

  test("where prices hold the tax, its rate changes no total", () => {
    fc.assert(
      fc.property(anyInput, fc.integer({ min: 0, max: 10_000 }), (input, rate) => {
        const at = (defaultRate: number) =>
          totals({ ...input, settings: { ...included, taxes: { included: true, rates: {}, defaultRate } } }).total;
        expect(at(rate)).toBe(at(0));
      }),
      { numRuns: 200 },
    );
  });

  test("the same thing on two lines costs what it costs on one, but for the rounding of tax and discount", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 100_000 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        (price, one, two) => {
          const [split, together] = [sums([line(price, one), line(price, two)]), sums([line(price, one + two)])];
          expect(split.total).toBe(together.total);
          expect(Math.abs(split.tax - together.tax)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
