/** What the shop's owner sets once: name, money, taxes, shipping. One JSON document in the database. */

export type ShippingMethod = {
  readonly code: string;
  readonly name: string;
  /** "2 to 4 working days" */
  readonly promise: string;
  /** An express order goes before the rest in the workers' queue. */
  readonly express: boolean;
  /** The first rate whose countries hold the address's applies; "*" is every other country. */
  readonly rates: readonly {
    readonly countries: readonly string[];
    readonly price: number;
    /** Free when the goods cost at least this; null never. */
    readonly freeFrom: number | null;
  }[];
};

export type ShopSettings = {
  readonly name: string;
  readonly currency: string;
  readonly locale: string;
  readonly contactEmail: string;
  /** Lines of a postal address. */
  readonly returnAddress: readonly string[];
  readonly taxes: {
    /** Prices hold the tax already (Europe), or it is added at checkout (North America). */
    readonly included: boolean;
    /** Basis points by country: 2500 is 25 %. Countries not named pay `defaultRate`. */
    readonly rates: Readonly<Record<string, number>>;
    readonly defaultRate: number;
  };
  readonly shipping: readonly ShippingMethod[];
  /** Minutes that units are kept while the shopper has something to do. */
  readonly holdMinutes: number;
  /** Normalised e-mail addresses whose orders go first. */
  readonly vips: readonly string[];
};

export type Promotion = {
  readonly id: number;
  readonly code: string;
  readonly kind: "percent" | "fixed" | "free_shipping";
  /** Whole percent, or minor units. */
  readonly value: number;
  readonly minimumSubtotal: number;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly limitPerPerson: number | null;
};

export const defaultSettings: ShopSettings = {
  name: "Spillway",
  currency: "EUR",
  locale: "en-IE",
  contactEmail: "hello@example.com",
  returnAddress: ["Northlight Returns", "Harbour Street 4", "0150 Oslo", "Norway"],
  taxes: {
    included: true,
    rates: {
      NO: 2500,
      SE: 2500,
      DK: 2500,
      FI: 2550,
      DE: 1900,
      FR: 2000,
      NL: 2100,
      ES: 2100,
      IT: 2200,
      GB: 2000,
      IE: 2300,
      AT: 2000,
      BE: 2100,
      PL: 2300,
      PT: 2300,
      CH: 810,
    },
    defaultRate: 0,
  },
  shipping: [
    {
      code: "standard",
      name: "Standard",
      promise: "2 to 4 working days",
      express: false,
      rates: [
        { countries: ["NO", "SE", "DK", "FI"], price: 490, freeFrom: 7500 },
        {
          countries: ["DE", "FR", "NL", "ES", "IT", "GB", "IE", "AT", "BE", "PL", "PT", "CH"],
          price: 790,
          freeFrom: 10000,
        },
        { countries: ["*"], price: 1490, freeFrom: null },
      ],
    },
    {
      code: "express",
      name: "Express",
      promise: "Next working day",
      express: true,
      rates: [
        { countries: ["NO", "SE", "DK", "FI"], price: 1290, freeFrom: null },
        {
          countries: ["DE", "FR", "NL", "ES", "IT", "GB", "IE", "AT", "BE", "PL", "PT", "CH"],
          price: 1890,
          freeFrom: null,
        },
      ],
    },
  ],
  holdMinutes: 15,
  vips: [],
};
