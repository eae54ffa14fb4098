/**
 * Catalogues of any size for tests and benches, the same for the same seed: believable words, one to twelve variants,
 * every selling policy, sale prices, limits, bundles, and here and there the characters that break careless code.
 */
import type { ProductDraft, SellingPolicy, VariantDraft } from "#commerce/catalogue/product.ts";

const makers = ["Fjell & Sons", "Nordkyn", "Hearth Works", "Øre", "Café Brüder", 'O"Neil', "Studio 青", "Plain"];
const adjectives = ["Quiet", "Folded", "Bright", "Woven", "Heavy", "Second", "Northern", "Small", "Salted", "Early"];
const nouns = ["Lamp", "Mug", "Jacket", "Pack", "Blanket", "Sneaker", "Print", "Kettle", "Stool", "Lantern", "Beanie"];
const colours = ["Ink", "Moss", "Clay", "Fog", "Rosé", "Saffron", "Midnight Blue"];
const sizes = ["XS", "S", "M", "L", "XL", "38 ⅔"];
const tags = ["new", "sale", "gift", "outdoor", "home", "winter", "limited"];
const oddities = [
  '12" wide, "as is"',
  "line one\nline two",
  "=SUM(A1)",
  "👩‍🚀 ready",
  "a; b \\ c",
  "-5 °C",
  "<b>&amp;</b>",
];

/** A small fast generator of luck with a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export type GeneratedCatalogueOptions = {
  readonly seed?: number;
  /** When all of it was published, ms since the epoch; every fiftieth product is a draft, every sixtieth is to come. */
  readonly publishedAtMs?: number;
  /** Units on hand of every variant that is no bundle; without it, 0 to 99. */
  readonly onHand?: number;
};

/** `count` products with handles "quiet-lamp-1" and SKUs "QL-1-1". */
export function generatedCatalogue(count: number, options: GeneratedCatalogueOptions = {}): ProductDraft[] {
  const { seed = 1, publishedAtMs = Date.UTC(2026, 0, 1), onHand } = options;
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <Item>(items: readonly [Item, ...Item[]]): Item => items[below(items.length)] ?? items[0];
  const some = <Item>(items: readonly Item[], most: number) => items.filter(() => random() < most / items.length);
  const plainSkus: string[] = [];

  const policy = (): SellingPolicy => {
    const kind = below(20);
    if (kind === 0) return { kind: "backorder", allowance: 1 + below(200) };
    if (kind === 1) return { kind: "preorder", allowance: 1 + below(200), shipsOn: `2030-0${1 + below(9)}-15` };
    return { kind: "deny" };
  };

  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const adjective = pick(adjectives as [string, ...string[]]);
    const noun = pick(nouns as [string, ...string[]]);
    const handle = `${adjective}-${noun}-${number}`.toLowerCase();
    const isOdd = below(12) === 0;
    const oddity = pick(oddities as [string, ...string[]]);
    const isBundle = below(25) === 0 && plainSkus.length >= 2;
    const kinds = isBundle ? 0 : below(3);
    const axes = [
      ...(kinds > 0 ? [{ name: "Colour", values: atLeastOne(some(colours, 3), "Ink") }] : []),
      ...(kinds > 1 ? [{ name: "Size", values: atLeastOne(some(sizes, 3), "M") }] : []),
    ];
    const images = atLeastOne(axes[0]?.values ?? [], "").map((colour) => ({
      src: `/images/generated/${handle}${colour === "" ? "" : `-${colours.indexOf(colour)}`}.svg`,
      alt: isOdd ? oddity : `${adjective} ${noun}${colour === "" ? "" : `, ${colour}`}`,
      width: 800,
      height: 1_000,
    }));
    const price = 500 + below(400) * 50 - 1;
    const variants = combinations(axes.map(({ values }) => values)).map((values, place): VariantDraft => {
      const sku = `${adjective[0]}${noun[0]}-${number}-${place + 1}`;
      const components = isBundle
        ? [...new Set([plainSkus[below(plainSkus.length)], plainSkus[below(plainSkus.length)]])].flatMap((part) =>
            part === undefined ? [] : [{ sku: part, quantity: 1 + below(3) }],
          )
        : [];
      const units = onHand ?? below(100);
      if (!isBundle) plainSkus.push(sku);
      return {
        sku,
        options: values,
        price: price + place * 100,
        compareAt: below(6) === 0 ? price + place * 100 + 1_000 : null,
        barcode: below(3) === 0 ? String(4_000_000_000_000 + number * 100 + place) : "",
        grams: below(3_000),
        taxable: below(20) !== 0,
        requiresShipping: below(20) !== 0,
        policy: isBundle ? { kind: "deny" } : policy(),
        purchaseLimit: below(15) === 0 ? 1 + below(5) : null,
        image: images.length > 1 ? (images[colourOf(values, axes[0]?.values)]?.src ?? null) : null,
        onHand: isBundle ? null : units,
        components,
      };
    });
    return {
      handle,
      title: isOdd ? `${adjective} ${noun} ${oddity.replaceAll("\n", " ")}` : `${adjective} ${noun}`,
      descriptionHtml: `<p>A ${adjective.toLowerCase()} ${noun.toLowerCase()}, number ${number}.</p>${isOdd ? oddity : ""}`,
      vendor: pick(makers as [string, ...string[]]),
      type: noun,
      tags: some(tags, 2),
      publishedAtMs: number % 50 === 0 ? null : number % 60 === 0 ? Date.UTC(2035, 0, 1) : publishedAtMs,
      optionNames: axes.map(({ name }) => name),
      images,
      variants,
      seoTitle: below(2) === 0 ? `${adjective} ${noun}` : "",
      seoDescription: isOdd ? oddity : "",
    };
  });
}

const atLeastOne = <Item>(items: readonly Item[], otherwise: Item): readonly Item[] =>
  items.length === 0 ? [otherwise] : items;

const colourOf = (values: readonly string[], all: readonly string[] = []): number => all.indexOf(values[0] ?? "");

/** Every way to take one value from each list. */
function combinations(lists: readonly (readonly string[])[]): string[][] {
  return lists.reduce<string[][]>((rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])), [[]]);
}
