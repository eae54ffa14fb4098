/**
 * What stands around every page: facts of the shop and of this moment, the same for everybody who asks. Nothing about
 * one shopper may ever be in here, because pages made with it are kept in shared caches.
 */
import type { CollectionView } from "#contract/shop.ts";

/** 0 calm, 1 busy, 2 crowded, 3 flooded: pages and their script do less as it rises. */
export type Pressure = 0 | 1 | 2 | 3;

export type Frame = {
  readonly shopName: string;
  /** BCP 47, for numbers, dates and names of countries: "en-IE". */
  readonly locale: string;
  /** IANA name in which times are written; without one they are written in UTC and say so. */
  readonly timeZone?: string;
  /** ISO 4217. */
  readonly currency: string;
  /** Path and query of this page, as it should be linked: "/collections/chairs?page=2". */
  readonly path: string;
  readonly collections: readonly CollectionView[];
  readonly assets: FrameAssets;
  readonly pressure: Pressure;
  /** "https://shop.example", with no slash at the end. */
  readonly origin: string;
};

export type FrameAssets = {
  readonly scriptUrl: string;
  /** Null puts the whole sheet into the page, which is the rule while it compresses under 6 kB. */
  readonly cssUrl: string | null;
  /** A square mark, shown at 32 by 32. The name of the shop stands beside it as text. */
  readonly logoUrl: string;
  readonly faviconUrl: string;
  /** 1600 by 1200; may be cropped at every edge. */
  readonly heroUrl: string;
  /** The next three: 480 by 360, transparent, readable on light and dark. */
  readonly emptyCartUrl: string;
  readonly notFoundUrl: string;
  readonly errorUrl: string;
};
