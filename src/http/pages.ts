/**
 * Pages that are the same for everybody: no cookie is read, nothing personal is shown, any cache may keep them. They
 * are rendered at most once for each reading of catalogue and stock, and kept compressed.
 */
import type { Product } from "#commerce/catalogue/product.ts";
import type { Snapshot } from "#commerce/catalogue/snapshot.ts";
import type { Frame } from "#storefront/frame.ts";
import type { Html } from "#storefront/html.ts";
import { collectionPage } from "#storefront/pages/collection.ts";
import { errorPage } from "#storefront/pages/error.ts";
import { helpPage } from "#storefront/pages/help.ts";
import { type Hero, homePage } from "#storefront/pages/home.ts";
import { notFoundPage } from "#storefront/pages/not-found.ts";
import { productPage } from "#storefront/pages/product.ts";
import { returnsPage } from "#storefront/pages/returns.ts";
import { searchPage } from "#storefront/pages/search.ts";
import { htmlHeaders, type PageCache } from "./page-cache.ts";
import type { Route, RouteContext } from "./router.ts";
import type { ShopContext } from "./shop-context.ts";
import { collectionView, deliveryCountries, productView, shippingMethodViews } from "./views.ts";

const perPage = 24;
const searchMax = 24;
const pathMax = 300;

export function frameOf(shop: ShopContext, snapshot: Snapshot, path: string): Frame {
  return {
    shopName: snapshot.settings.name,
    locale: snapshot.settings.locale,
    currency: snapshot.settings.currency,
    path,
    collections: [...snapshot.collections.values()].map(collectionView),
    assets: shop.assets,
    pressure: shop.pressure(),
    origin: shop.origin,
  };
}

type Make = (frame: Frame, snapshot: Snapshot, context: RouteContext) => Html | undefined | Promise<Html | undefined>;

export function sharedPages(shop: ShopContext, cache: PageCache): Route[] {
  /** `reads` are the parameters that the page depends on: whatever else a link carries along, it is the same page. */
  const page = (path: string, make: Make, reads: readonly string[] = []): Route => ({
    method: "GET",
    path,
    handler: async (request, context) => {
      await shop.stock.fresh();
      const snapshot = shop.catalogue.snapshot();
      const version = `${snapshot.reading.revision} ${snapshot.reading.validFrom} ${shop.stock.version} ${shop.pressure()}`;
      const asked = context.query.size === 0 ? context.path : withQuery(context, reads);
      const kept = await cache.answer(request, asked, version, async () => {
        const html = await make(frameOf(shop, snapshot, asked.slice(0, pathMax)), snapshot, context);
        return html?.toString();
      });
      return kept ?? notFound(shop, context.path);
    },
  });

  const views = (snapshot: Snapshot, products: readonly Product[]) =>
    products.map((product) => productView(snapshot, shop.stock, product));

  return [
    page("/", (frame, snapshot) => {
      const all = [...snapshot.products.values()];
      const collections = [...snapshot.collections.values()];
      const onSale = all.filter((product) =>
        product.variants.some((variant) => variant.compareAt !== null && variant.compareAt > variant.price),
      );
      return homePage(frame, {
        hero: heroOf(shop, snapshot, all),
        sale: views(snapshot, onSale.slice(0, 4)),
        collections: collections.map((collection) => ({
          collection: collectionView(collection),
          products: views(snapshot, productsOf(snapshot, collection.products).slice(0, 4)),
        })),
      });
    }),
    page(
      "/collections/:handle",
      (frame, snapshot, { parameters, query }) => {
        const collection = snapshot.collections.get(parameters.handle ?? "");
        if (collection === undefined) return undefined;
        const products = productsOf(snapshot, collection.products);
        const pageCount = Math.max(1, Math.ceil(products.length / perPage));
        const number = Math.min(Math.max(1, Number.parseInt(query.get("page") ?? "1", 10) || 1), pageCount);
        return collectionPage(frame, {
          collection: collectionView(collection),
          products: views(snapshot, products.slice((number - 1) * perPage, number * perPage)),
          page: number,
          pageCount,
          productCount: products.length,
        });
      },
      ["page"],
    ),
    page(
      "/products/:handle",
      (frame, snapshot, { parameters, query }) => {
        const product = snapshot.products.get(parameters.handle ?? "");
        if (product === undefined) return undefined;
        const asked = query.get("variant");
        const collection = [...snapshot.collections.values()].find((candidate) =>
          candidate.products.includes(product.handle),
        );
        const related = productsOf(snapshot, collection?.products ?? []).filter(
          (other) => other.handle !== product.handle,
        );
        return productPage(frame, {
          product: productView(snapshot, shop.stock, product),
          selectedSku: product.variants.some((variant) => variant.sku === asked) ? asked : null,
          related: shop.pressure() >= 2 ? [] : views(snapshot, related.slice(0, 4)),
        });
      },
      ["variant"],
    ),
    page(
      "/search",
      async (frame, snapshot, { query }) => {
        const words = (query.get("q") ?? "").trim().slice(0, 100);
        const number = Math.min(Math.max(1, Number.parseInt(query.get("page") ?? "1", 10) || 1), 50);
        const handles =
          words === "" ? [] : await shop.catalogueStore.search(words, searchMax + 1, (number - 1) * searchMax);
        const found = productsOf(snapshot, handles);
        return searchPage(frame, {
          query: words,
          products: views(snapshot, found.slice(0, searchMax)),
          next: handles.length > searchMax ? `/search?q=${encodeURIComponent(words)}&page=${number + 1}` : null,
          suggestion: null,
        });
      },
      ["q", "page"],
    ),
    page("/help", (frame, snapshot) => {
      const countries = deliveryCountries(snapshot);
      const groups = new Map<string, { countries: string[]; methods: ReturnType<typeof shippingMethodViews> }>();
      for (const country of countries) {
        const methods = shippingMethodViews(snapshot, country, 0);
        const key = JSON.stringify(methods);
        const group = groups.get(key) ?? { countries: [], methods };
        group.countries.push(country);
        groups.set(key, group);
      }
      return helpPage(frame, {
        contact: { email: snapshot.settings.contactEmail, phone: null, hours: null },
        shipping: [...groups.values()],
        payments: shop.paymentOptions.map((option) => option.label),
        taxIncluded: snapshot.settings.taxes.included,
        holdMinutes: snapshot.settings.holdMinutes,
      });
    }),
    page("/returns", (frame, snapshot) =>
      returnsPage(frame, {
        returnDays: 30,
        contactEmail: snapshot.settings.contactEmail,
        returnAddress: [...snapshot.settings.returnAddress],
      }),
    ),
  ];
}

/** All of it: two long searches that begin alike are two searches. */
function withQuery({ path, query }: RouteContext, reads: readonly string[]): string {
  const read = new URLSearchParams();
  for (const name of reads) {
    const value = query.get(name);
    if (value !== null) read.set(name, value);
  }
  return read.size === 0 ? path : `${path}?${read}`;
}

const productsOf = (snapshot: Snapshot, handles: readonly string[]): Product[] =>
  handles.flatMap((handle) => snapshot.products.get(handle) ?? []);

/** The newest product that has a limit per person is the drop; without one, the first product. */
function heroOf(shop: ShopContext, snapshot: Snapshot, all: readonly Product[]): Hero {
  const drop = all.find((product) => product.variants.some((variant) => variant.purchaseLimit !== null)) ?? all[0];
  if (drop === undefined) {
    return {
      kind: "campaign",
      title: snapshot.settings.name,
      text: "Nothing is on the shelves yet. Bring products in with: bin/spillway catalogue import FILE",
      href: "/help",
      action: "Help",
    };
  }
  return {
    kind: "product",
    product: productView(snapshot, shop.stock, drop),
    title: drop.title,
    text: drop.seoDescription,
  };
}

export function notFound(shop: ShopContext, path: string): Response {
  const html = notFoundPage(frameOf(shop, shop.catalogue.snapshot(), path.slice(0, pathMax))).toString();
  return new Response(html, {
    status: 404,
    headers: { ...htmlHeaders, "cache-control": "public, max-age=0, s-maxage=1" },
  });
}

/** The page for what went wrong; it needs neither database nor catalogue. */
export function failurePage(
  shop: ShopContext,
  status: 500 | 503,
  details: { retryAfterSeconds: number | null; reference: string | null; ordering: boolean },
): Response {
  let frame: Frame | null = null;
  try {
    frame = frameOf(shop, shop.catalogue.snapshot(), "/");
  } catch {
    // The shop has never been read: the page does without its name and menu.
  }
  const headers: Record<string, string> = { ...htmlHeaders, "cache-control": "no-store" };
  if (details.retryAfterSeconds !== null) headers["retry-after"] = String(Math.ceil(details.retryAfterSeconds));
  return new Response(errorPage(frame, { status, ...details }).toString(), { status, headers });
}
