/**
 * The order intake's promises (src/commerce/orders/ports.ts), held for every adapter against a model that anybody can
 * check by reading it: shelves, a list of orders, and one loop. Cases are drawn at random: stock scattered over
 * locations, bundles that share parts, limits, codes, orders of several lines, keys that come twice.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { CatalogueReading, OrderIntake, OrderPass, OrderVerdict, PricedOrder } from "#commerce/orders/ports.ts";
import { uuidOf } from "../kit/priced-order.ts";

/** What is for sale in a case. Places in these lists are how orders name things. */
export type Shelf = {
  readonly singles: readonly {
    /** Units at each location, the first location first. */
    readonly units: readonly number[];
    /** Of the first location's units. */
    readonly safetyPercent: number;
    readonly allowance: number;
    readonly purchaseLimit: number | null;
  }[];
  readonly bundles: readonly {
    readonly parts: readonly { readonly single: number; readonly quantity: number }[];
    readonly purchaseLimit: number | null;
  }[];
  readonly codes: readonly { readonly usageLimit: number | null; readonly limitPerPerson: number | null }[];
};

/** The ids that the adapter has given to what is for sale, in the order of the shelf. */
export type Stocked = {
  readonly reading: CatalogueReading;
  readonly singles: readonly number[];
  readonly bundles: readonly number[];
  readonly codes: readonly number[];
};

/** Everything that an intake has written, as it stands. */
export type Books = {
  /** Units held of each single, by location. */
  readonly held: readonly (readonly number[])[];
  readonly used: readonly number[];
  /** "room epoch seq" of passes that have bought the one order that they buy. */
  readonly passes: readonly string[];
  /** By key: what the order holds of each single, how many lines it has, and how many tasks wait to charge it. */
  readonly orders: ReadonlyMap<string, { readonly id: number; readonly lines: number; readonly tasks: number }>;
};

export type IntakeSubject = {
  /** The intake of another process: a connection of its own. */
  open(): Promise<OrderIntake>;
  /** Begins anew with this on the shelves. */
  stock(shelf: Shelf): Promise<Stocked>;
  /** Something that prices are made of changes; answers the reading as it is now. */
  touch(): Promise<CatalogueReading>;
  books(stocked: Stocked): Promise<Books>;
  /** The texts that an order kept. */
  textsOf(id: number): Promise<{ readonly email: string; readonly details: unknown }>;
  /** What the auditor finds, in words. */
  audit(): Promise<readonly string[]>;
};

/** An order of a case: what it is about, by places on the shelf. */
type Wish = {
  readonly key: number;
  /** Places in singles, and behind them in bundles. */
  readonly lines: readonly { readonly item: number; readonly quantity: number }[];
  readonly code: number | null;
  readonly person: number;
  /** Of waiting rooms, by place in `passes` below. */
  readonly passes: readonly number[];
};

/** Of two rooms; those with the number 0 buy as often as their holders like. */
const passes: readonly OrderPass[] = [0, 1, 2].flatMap((seq) =>
  ["drop", "restock"].map((room) => ({ room, epoch: 1, seq, isOnce: seq > 0 })),
);
const nameOf = ({ room, epoch, seq }: OrderPass): string => `${room} ${epoch} ${seq}`;
const passesOf = (wish: Wish): OrderPass[] => wish.passes.map((place) => passes[place] as OrderPass);

const itemsOf = (shelf: Shelf) => [
  ...shelf.singles.map(({ purchaseLimit }, single) => ({ parts: [{ single, quantity: 1 }], purchaseLimit })),
  ...shelf.bundles,
];

/** A mailbox of one's own, and a door that two share. */
const personsOf = (person: number): string[] => [uuidOf(`mailbox ${person}`), uuidOf(`door ${person >> 1}`)];

/** Limits that an order meets, as the caller of an intake finds them. */
function limitsOf(shelf: Shelf, wish: Wish): { subject: string; person: string; quantity: number; limit: number }[] {
  const sums = new Map<string, { quantity: number; limit: number }>();
  for (const { item, quantity } of wish.lines) {
    const limit = itemsOf(shelf)[item]?.purchaseLimit ?? null;
    if (limit === null) continue;
    sums.set(`item ${item}`, { limit, quantity: (sums.get(`item ${item}`)?.quantity ?? 0) + quantity });
  }
  const limit = wish.code === null ? null : (shelf.codes[wish.code]?.limitPerPerson ?? null);
  if (limit !== null) sums.set(`code ${wish.code}`, { quantity: 1, limit });
  return [...sums].flatMap(([subject, sum]) => personsOf(wish.person).map((person) => ({ subject, person, ...sum })));
}

const requestOf = ({ key: _, passes: __, ...rest }: Wish): string => uuidOf(`request ${JSON.stringify(rest)}`);
const keyOf = ({ key }: Wish): string => uuidOf(`key ${key}`);

/** A price for everything is 1000, without delivery or tax: this suite is not about sums. */
function priced(shelf: Shelf, stocked: Stocked, wish: Wish, more: Partial<PricedOrder> = {}): PricedOrder {
  const ids = [...stocked.singles, ...stocked.bundles];
  const items = itemsOf(shelf);
  const lines = wish.lines.map(({ item, quantity }) => ({
    variantId: ids[item] as number,
    quantity,
    unitPrice: 1000,
    discount: 0,
    tax: 0,
    needs: (items[item]?.parts ?? []).map((part) => ({
      variantId: stocked.singles[part.single] as number,
      quantity: part.quantity * quantity,
    })),
  }));
  const subtotal = lines.reduce((sum, line) => sum + 1000 * line.quantity, 0);
  return {
    key: keyOf(wish),
    request: requestOf(wish),
    priority: 2,
    email: `person-${wish.person}@test.example`,
    details: JSON.stringify({
      payment: { provider: "sandbox", token: "ok" },
      ...(wish.passes.length === 0 ? {} : { rooms: passesOf(wish).map(({ room }) => room) }),
    }),
    subtotal,
    discount: 0,
    shipping: 0,
    tax: 0,
    total: subtotal,
    promotionId: wish.code === null ? null : (stocked.codes[wish.code] as number),
    lines,
    limits: limitsOf(shelf, wish).map(({ subject, person, quantity }) => {
      const [kind, place] = subject.split(" ");
      const id = kind === "item" ? ids[Number(place)] : -(stocked.codes[Number(place)] as number);
      return { subject: id as number, person, quantity };
    }),
    passes: passesOf(wish),
    ...more,
  };
}

/** What a verdict says, apart from the id that the adapter chose. */
type Said = Exclude<OrderVerdict, { id: number }> | { readonly kind: "placed" | "replayed" };

const said = (verdict: OrderVerdict): Said => ("id" in verdict ? { kind: verdict.kind } : verdict);

/** The promises, spelt out: orders in arrival order, each decided on what the one before has left. */
class Model {
  readonly #shelf: Shelf;
  readonly #free: number[][];
  readonly held: number[][];
  readonly used: number[];
  readonly #bought = new Map<string, number>();
  readonly placed = new Map<string, string>();
  readonly passes = new Set<string>();

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
    this.#free = shelf.singles.map(({ units, safetyPercent, allowance }) =>
      units.map((count, place) =>
        place > 0 ? count : Math.max(count - Math.ceil((count * safetyPercent) / 100) + allowance, 0),
      ),
    );
    this.held = shelf.singles.map(({ units }) => units.map(() => 0));
    this.used = shelf.codes.map(() => 0);
  }

  place(wish: Wish): Said {
    const before = this.placed.get(keyOf(wish));
    if (before !== undefined) return { kind: before === requestOf(wish) ? "replayed" : "conflict" };

    if (passesOf(wish).some((pass) => this.passes.has(nameOf(pass)))) return { kind: "pass_used" };

    const limits = limitsOf(this.#shelf, wish);
    const lefts = limits
      .map(({ subject, person, quantity, limit }) => ({
        left: limit - (this.#bought.get(`${subject} ${person}`) ?? 0),
        quantity,
      }))
      .filter(({ left, quantity }) => left < quantity)
      .map(({ left }) => left);
    if (lefts.length > 0) return { kind: "limit", left: Math.min(...lefts) };

    const usageLimit = wish.code === null ? null : (this.#shelf.codes[wish.code]?.usageLimit ?? null);
    if (wish.code !== null && usageLimit !== null && (this.used[wish.code] as number) >= usageLimit)
      return { kind: "promotion_used_up" };

    const items = itemsOf(this.#shelf);
    const left = this.#free.map((places) => places.reduce((a, b) => a + b, 0));
    const rest = [...left];
    const short: { lineNo: number; left: number }[] = [];
    let isFailing = false;
    for (const [index, { item, quantity }] of wish.lines.entries()) {
      const parts = items[item]?.parts ?? [];
      const lacking = parts.filter((part) => {
        const want = part.quantity * quantity;
        const isLacking = (rest[part.single] as number) < want;
        isFailing ||= isLacking;
        // Once it is certain that the order fails, the rest of it takes nothing.
        if (!isFailing) rest[part.single] = (rest[part.single] as number) - want;
        return isLacking;
      });
      if (lacking.length > 0) {
        const units = lacking.map((part) => Math.floor((left[part.single] as number) / part.quantity));
        short.push({ lineNo: index + 1, left: Math.min(...units) });
      }
    }
    if (short.length > 0) return { kind: "sold_out", short };

    for (const { item, quantity } of wish.lines) {
      for (const part of items[item]?.parts ?? []) this.#take(part.single, part.quantity * quantity);
    }
    for (const { subject, person, quantity } of limits) {
      const name = `${subject} ${person}`;
      this.#bought.set(name, (this.#bought.get(name) ?? 0) + quantity);
    }
    if (wish.code !== null) this.used[wish.code] = (this.used[wish.code] as number) + 1;
    for (const pass of passesOf(wish)) if (pass.isOnce) this.passes.add(nameOf(pass));
    this.placed.set(keyOf(wish), requestOf(wish));
    return { kind: "placed" };
  }

  /** The first location first. */
  #take(single: number, units: number): void {
    const free = this.#free[single] as number[];
    const held = this.held[single] as number[];
    for (let place = 0; units > 0; place++) {
      const taken = Math.min(free[place] as number, units);
      free[place] = (free[place] as number) - taken;
      held[place] = (held[place] as number) + taken;
      units -= taken;
    }
  }

  free(single: number): number {
    return (this.#free[single] as number[]).reduce((a, b) => a + b, 0);
  }
}

const limit = fc.option(fc.integer({ min: 1, max: 3 }), { nil: null, freq: 2 });

const shelfArbitrary: fc.Arbitrary<Shelf> = fc
  .array(
    fc.record({
      units: fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 3 }),
      safetyPercent: fc.constantFrom(0, 0, 0, 30, 100),
      allowance: fc.constantFrom(0, 0, 0, 2, 5),
      purchaseLimit: limit,
    }),
    { minLength: 1, maxLength: 4 },
  )
  .chain((singles) =>
    fc.record({
      singles: fc.constant(singles),
      bundles: fc.array(
        fc.record({
          parts: fc
            .uniqueArray(
              fc.record({
                single: fc.integer({ min: 0, max: singles.length - 1 }),
                quantity: fc.integer({ min: 1, max: 3 }),
              }),
              { selector: ({ single }) => single, minLength: 1, maxLength: 2 },
            )
            // As an adapter reads them back.
            .map((parts) => parts.toSorted((a, b) => a.single - b.single)),
          purchaseLimit: limit,
        }),
        { maxLength: 2 },
      ),
      codes: fc.array(fc.record({ usageLimit: limit, limitPerPerson: limit }), { maxLength: 2 }),
    }),
  );

const wishArbitrary = (shelf: Shelf): fc.Arbitrary<Wish> =>
  fc.record({
    key: fc.integer({ min: 0, max: 15 }),
    lines: fc.array(
      fc.record({
        item: fc.integer({ min: 0, max: shelf.singles.length + shelf.bundles.length - 1 }),
        quantity: fc.constantFrom(1, 1, 1, 2, 4),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    code: fc
      .option(fc.integer({ min: 0, max: Math.max(shelf.codes.length - 1, 0) }), { nil: null })
      .map((code) => (shelf.codes.length === 0 ? null : code)),
    person: fc.integer({ min: 0, max: 5 }),
    passes: fc.oneof(
      { weight: 2, arbitrary: fc.constant<number[]>([]) },
      {
        weight: 1,
        arbitrary: fc.uniqueArray(fc.nat(passes.length - 1), { selector: (place) => place % 2, maxLength: 2 }),
      },
    ),
  });

const caseArbitrary = fc.record({ shelf: shelfArbitrary }).chain(({ shelf }) =>
  fc.record({
    shelf: fc.constant(shelf),
    // Keys are distinct within a batch; over batches they come again, with the same order or another.
    batches: fc.array(
      fc.uniqueArray(wishArbitrary(shelf), { selector: ({ key }) => key, minLength: 1, maxLength: 8 }),
      { minLength: 1, maxLength: 6 },
    ),
    // Some batches are sent again as they were.
    again: fc.array(fc.nat({ max: 5 }), { maxLength: 2 }),
  }),
);

const plainShelf: Shelf = {
  singles: [
    { units: [10], safetyPercent: 0, allowance: 0, purchaseLimit: null },
    { units: [5], safetyPercent: 0, allowance: 0, purchaseLimit: null },
  ],
  bundles: [],
  codes: [],
};

export function describeOrderIntake(name: string, make: () => Promise<IntakeSubject>, runs = 30): void {
  describe(`the order intake on ${name}`, () => {
    let subject: IntakeSubject;
    let intake: OrderIntake;
    beforeAll(async () => {
      subject = await make();
      intake = await subject.open();
    });

    let stocked: Stocked;
    const stock = async (shelf: Shelf = plainShelf) => {
      stocked = await subject.stock(shelf);
      return shelf;
    };
    const place = async (orders: readonly PricedOrder[], by = intake, reading = stocked.reading) =>
      await by.place({ reading, currency: "EUR", taxIncluded: true, orders });
    const wish = (key: number, more: Partial<Wish> = {}): Wish => ({
      key,
      lines: [{ item: 0, quantity: 1 }],
      code: null,
      person: key,
      passes: [],
      ...more,
    });

    test("decides as the model does, in arrival order, whatever is on the shelves and whatever is asked for", async () => {
      await fc.assert(
        fc.asyncProperty(caseArbitrary, async ({ shelf, batches, again }) => {
          await stock(shelf);
          const model = new Model(shelf);
          const sent = [...batches, ...again.flatMap((place) => batches[place % batches.length] ?? []).map((w) => [w])];
          for (const batch of sent) {
            const expected = decide(model, batch);
            const verdicts = await place(batch.map((one) => priced(shelf, stocked, one)));
            expect(verdicts.map(said)).toEqual(expected);
          }
          const books = await subject.books(stocked);
          expect(books.held).toEqual(model.held);
          expect(books.used).toEqual(model.used);
          expect(books.passes.toSorted()).toEqual([...model.passes].sort());
          expect([...books.orders.keys()].sort()).toEqual([...model.placed.keys()].sort());
          expect([...books.orders.values()].filter(({ tasks }) => tasks !== 1)).toEqual([]);
          expect(await subject.audit()).toEqual([]);
        }),
        { numRuns: runs },
      );
    }, 60_000);

    test("promises no unit, use or share twice when many decide at once, and refuses only what could not be had", async () => {
      const intakes = [intake, await subject.open(), await subject.open()];
      await fc.assert(
        fc.asyncProperty(caseArbitrary, async ({ shelf, batches, again }) => {
          await stock(shelf);
          const sent = [...batches, ...again.flatMap((place) => [batches[place % batches.length] ?? []])];
          const decided = await Promise.all(
            sent.map(async (batch, index) => {
              const orders = batch.map((one) => priced(shelf, stocked, one));
              const verdicts = await place(orders, intakes[index % intakes.length]);
              return batch.map((one, at) => ({ wish: one, verdict: verdicts[at] as OrderVerdict }));
            }),
          );
          const all = decided.flat();
          const placed = all.filter(({ verdict }) => verdict.kind === "placed");
          const keys = placed.map((entry) => keyOf(entry.wish));
          expect(new Set(keys).size).toBe(keys.length);
          expect(await subject.audit()).toEqual([]);

          // Whatever was placed fits onto the shelves one by one, in the order in which it was placed.
          const model = new Model(shelf);
          const inOrder = placed.toSorted((a, b) => idOf(a.verdict) - idOf(b.verdict));
          for (const entry of inOrder) expect(model.place(entry.wish)).toEqual({ kind: "placed" });
          const books = await subject.books(stocked);
          expect(books.held.map(sum)).toEqual(model.held.map(sum));
          expect(books.used).toEqual(model.used);
          expect([...books.orders.keys()].sort()).toEqual(keys.sort());

          // Nothing comes back in this case, so what was refused could not be had at the end either.
          for (const { wish: refused, verdict } of all) {
            const same = placed.find((entry) => entry.wish.key === refused.key);
            switch (verdict.kind) {
              case "placed":
                break;
              case "replayed":
                expect(idOf(verdict)).toBe(same === undefined ? -1 : idOf(same.verdict));
                break;
              case "conflict":
                expect(same !== undefined && requestOf(same.wish) !== requestOf(refused)).toBe(true);
                break;
              default: {
                const fresh = { ...refused, key: 1000 + refused.key };
                expect(model.place(fresh).kind).not.toBe("placed");
              }
            }
          }
        }),
        { numRuns: runs },
      );
    }, 60_000);

    describe("1: `placed` means that it is there", () => {
      test("for whoever asks next, on whichever connection, with its lines and a task to charge it", async () => {
        const shelf = await stock();
        const [verdict] = await place([priced(shelf, stocked, wish(1))]);
        const other = await subject.open();
        expect(await other.findByKey([keyOf(wish(1)), keyOf(wish(2))])).toEqual(
          new Map([[keyOf(wish(1)), { id: idOf(verdict as OrderVerdict), request: requestOf(wish(1)) }]]),
        );
        expect((await subject.books(stocked)).orders.get(keyOf(wish(1)))).toMatchObject({ lines: 1, tasks: 1 });
      });

      test("with every text as it was sent, whatever signs are in it", async () => {
        const shelf = await stock({
          ...plainShelf,
          singles: [{ ...(plainShelf.singles[0] as Shelf["singles"][0]), units: [1000] }],
        });
        const text = fc.oneof(
          fc.string({ unit: "binary", maxLength: 40 }),
          fc.constantFrom(
            "NULL",
            "",
            "{}",
            "{,}",
            '"',
            "\\",
            '\\"',
            "a,b",
            '{"a"}',
            "\u202eabc",
            "👩‍🚀",
            "e\u0301",
            " x ",
          ),
        );
        let key = 0;
        await fc.assert(
          fc.asyncProperty(
            fc.array(
              text.filter((value) => !value.includes("\0")),
              { minLength: 1, maxLength: 6 },
            ),
            async (texts) => {
              const orders = texts.map((email) => {
                key += 1;
                return priced(shelf, stocked, wish(key), {
                  email,
                  details: JSON.stringify({ note: email, payment: { token: "ok" } }),
                });
              });
              const verdicts = await place(orders);
              for (const [index, verdict] of verdicts.entries()) {
                const kept = await subject.textsOf(idOf(verdict));
                expect(kept).toEqual({
                  email: texts[index] as string,
                  details: { note: texts[index], payment: { token: "ok" } },
                });
              }
            },
          ),
          { numRuns: 25 },
        );
      });

      test("and an empty batch is answered with nothing", async () => {
        await stock();
        expect(await place([])).toEqual([]);
      });
    });

    describe("2: all of an order or nothing of it", () => {
      test("a refused order leaves nothing behind and its neighbours as they are", async () => {
        const shelf = await stock();
        const greedy = wish(2, {
          lines: [
            { item: 0, quantity: 2 },
            { item: 1, quantity: 6 },
          ],
        });
        const verdicts = await place([wish(1), greedy, wish(3)].map((one) => priced(shelf, stocked, one)));
        expect(verdicts.map(said)).toEqual([
          { kind: "placed" },
          { kind: "sold_out", short: [{ lineNo: 2, left: 5 }] },
          { kind: "placed" },
        ]);
        expect((await subject.books(stocked)).held).toEqual([[2], [0]]);
      });

      test("units that a refused order would have taken go to the next in the same batch", async () => {
        const shelf = await stock();
        const all = (key: number, other: number) =>
          priced(
            shelf,
            stocked,
            wish(key, {
              lines: [
                { item: 0, quantity: 10 },
                { item: 1, quantity: other },
              ],
            }),
          );
        const verdicts = await place([all(1, 6), all(2, 5), all(3, 1)]);
        expect(verdicts.map(({ kind }) => kind)).toEqual(["sold_out", "placed", "sold_out"]);
      });
    });

    describe("3: a key places once", () => {
      test("sent to several at the same moment, one places it and the others tell of it", async () => {
        const others = [intake, await subject.open(), await subject.open(), await subject.open()];
        for (let round = 0; round < 10; round++) {
          const shelf = await stock();
          const verdicts = await Promise.all(
            others.map(async (other) => (await place([priced(shelf, stocked, wish(1))], other))[0] as OrderVerdict),
          );
          expect(verdicts.map(({ kind }) => kind).sort()).toEqual(["placed", "replayed", "replayed", "replayed"]);
          expect(new Set(verdicts.map(idOf)).size).toBe(1);
        }
      });

      test("two batches with the same keys in opposite orders both come to an end", async () => {
        const other = await subject.open();
        const shelf = await stock();
        const keys = Array.from({ length: 8 }, (_, key) => key);
        // Each names one product here and the other there, so that no lock on the stock keeps them apart.
        const batchOf = (item: number, order: readonly number[]) =>
          order.map((key) => priced(shelf, stocked, wish(key, { lines: [{ item, quantity: 1 }], person: 0 })));
        await stock({ ...plainShelf, singles: plainShelf.singles.map((single) => ({ ...single, units: [50] })) });
        const [one, two] = await Promise.all([place(batchOf(0, keys)), place(batchOf(1, keys.toReversed()), other)]);
        const kinds = keys.map((key) => [one[key]?.kind, two[keys.length - 1 - key]?.kind].sort().join(" "));
        expect(kinds).toEqual(keys.map(() => "conflict placed"));
      });
    });

    describe("4: no more than the policy allows", () => {
      test("sixty-four batches of one at once for ten units place ten", async () => {
        const intakes = await Promise.all([subject.open(), subject.open(), subject.open(), subject.open()]);
        const shelf = await stock();
        const verdicts = await Promise.all(
          Array.from(
            { length: 64 },
            async (_, key) => (await place([priced(shelf, stocked, wish(key))], intakes[key % 4]))[0],
          ),
        );
        expect(verdicts.filter((verdict) => verdict?.kind === "placed")).toHaveLength(10);
        expect((await subject.books(stocked)).held).toEqual([[10], [0]]);
      });

      test("one batch of a thousand for ten units places the first ten", async () => {
        const shelf = await stock();
        const verdicts = await place(Array.from({ length: 1000 }, (_, key) => priced(shelf, stocked, wish(key))));
        expect(verdicts.findIndex(({ kind }) => kind !== "placed")).toBe(10);
        expect(verdicts.filter(({ kind }) => kind === "placed")).toHaveLength(10);
      });
    });

    describe("5: a pass that buys one order buys one", () => {
      const [often, once] = [passes.findIndex(({ isOnce }) => !isOnce), passes.findIndex(({ isOnce }) => isOnce)];
      const kindsOf = async (orders: readonly PricedOrder[]) => (await place(orders)).map(({ kind }) => kind);

      test("the first in its batch, and none of those that come after", async () => {
        const shelf = await stock();
        const batch = [1, 2, 3].map((key) => priced(shelf, stocked, wish(key, { passes: [once] })));
        expect(await kindsOf(batch)).toEqual(["placed", "pass_used", "pass_used"]);
        expect(await kindsOf([priced(shelf, stocked, wish(4, { passes: [once] }))])).toEqual(["pass_used"]);
      });

      test("an order that is refused leaves its pass for the next", async () => {
        const shelf = await stock();
        const ordered = (key: number, quantity: number) =>
          priced(shelf, stocked, wish(key, { passes: [once], lines: [{ item: 0, quantity }] }));
        expect(await kindsOf([ordered(1, 11), ordered(2, 1), ordered(3, 11)])).toEqual([
          "sold_out",
          "placed",
          "pass_used",
        ]);
      });

      test("sent again with the same key, the order is the one that was placed", async () => {
        const shelf = await stock();
        const order = priced(shelf, stocked, wish(1, { passes: [once] }));
        expect(await kindsOf([order])).toEqual(["placed"]);
        expect(await kindsOf([order])).toEqual(["replayed"]);
        expect(await kindsOf([{ ...order, passes: [] }])).toEqual(["replayed"]);
      });

      test("one that buys more than once buys as often as its holder likes", async () => {
        const shelf = await stock();
        const batch = [1, 2].map((key) => priced(shelf, stocked, wish(key, { passes: [often] })));
        expect(await kindsOf(batch)).toEqual(["placed", "placed"]);
      });

      test("sent to several at the same moment for different goods, one is placed", async () => {
        const intakes = await Promise.all([subject.open(), subject.open(), subject.open(), subject.open()]);
        for (let round = 0; round < 5; round++) {
          const shelf = await stock({
            ...plainShelf,
            singles: intakes.map(() => ({ units: [9], safetyPercent: 0, allowance: 0, purchaseLimit: null })),
          });
          const verdicts = await Promise.all(
            Array.from({ length: 16 }, async (_, key) => {
              const order = wish(key, { passes: [once], lines: [{ item: key % 4, quantity: 1 }] });
              return (await place([priced(shelf, stocked, order)], intakes[key % 4]))[0]?.kind;
            }),
          );
          expect(verdicts.toSorted()).toEqual([...Array(15).fill("pass_used"), "placed"]);
          expect((await subject.books(stocked)).held.flat().reduce((a, b) => a + b, 0)).toBe(1);
        }
      });

      test("two batches with the same passes in opposite orders both come to an end", async () => {
        const other = await subject.open();
        const shelf = await stock();
        const places = passes.flatMap(({ isOnce }, place) => (isOnce ? [place] : []));
        const batchOf = (item: number, firstKey: number, order: readonly number[]) =>
          order.map((pass, index) =>
            priced(shelf, stocked, wish(firstKey + index, { passes: [pass], lines: [{ item, quantity: 1 }] })),
          );
        const [one, two] = await Promise.all([
          place(batchOf(0, 0, places)),
          place(batchOf(1, 100, places.toReversed()), other),
        ]);
        const kinds = places.map((_, index) => [one[index]?.kind, two.toReversed()[index]?.kind].sort().join(" "));
        expect(kinds).toEqual(places.map(() => "pass_used placed"));
      });
    });

    describe("6: prices that have changed since are told, and nothing is decided by them", () => {
      test("when anything that prices are made of was changed", async () => {
        const shelf = await stock();
        const now = await subject.touch();
        expect((await place([priced(shelf, stocked, wish(1)), priced(shelf, stocked, wish(2))])).map(said)).toEqual([
          { kind: "repriced" },
          { kind: "repriced" },
        ]);
        expect((await subject.books(stocked)).orders.size).toBe(0);
        expect((await place([priced(shelf, stocked, wish(1))], intake, now)).map(said)).toEqual([{ kind: "placed" }]);
      });

      test("when a price has come to its end, or not yet to its beginning, by the database's clock", async () => {
        const shelf = await stock();
        const orders = [priced(shelf, stocked, wish(1))];
        const nowSeconds = Date.now() / 1000;
        const over = { ...stocked.reading, validUntil: nowSeconds - 60 };
        const early = { ...stocked.reading, validFrom: nowSeconds + 60 };
        expect((await place(orders, intake, over)).map(said)).toEqual([{ kind: "repriced" }]);
        expect((await place(orders, intake, early)).map(said)).toEqual([{ kind: "repriced" }]);
        const fits = { ...stocked.reading, validFrom: nowSeconds - 60, validUntil: nowSeconds + 60 };
        expect((await place(orders, intake, fits)).map(said)).toEqual([{ kind: "placed" }]);
      });
    });
  });
}

/** Keys that were placed before the batch are looked up first; within it they are distinct. */
const decide = (model: Model, batch: readonly Wish[]): Said[] => batch.map((one) => model.place(one));

const idOf = (verdict: OrderVerdict): number => ("id" in verdict ? verdict.id : -1);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
