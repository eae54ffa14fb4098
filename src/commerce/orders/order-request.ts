/** An order as a shopper asks for it, after its shape has been checked and before anything about it has been decided. */

export type Address = {
  readonly name: string;
  readonly line1: string;
  readonly line2?: string;
  readonly city: string;
  readonly region?: string;
  readonly postalCode: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
};

export type OrderRequest = {
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly email: string;
  readonly phone?: string;
  readonly shippingAddress: Address;
  readonly shippingMethod: string;
  readonly promotionCode?: string;
  readonly payment: {
    readonly provider: string;
    readonly token: string;
    /** Taken when the first provider is not healthy. Tokens belong to a provider, so the backup has its own. */
    readonly backup?: { readonly provider: string; readonly token: string };
  };
  readonly expectedTotal?: { readonly amount: number; readonly currency: string };
};

/** What an order keeps beside its sums and lines. */
export type OrderDetails = Omit<OrderRequest, "lines" | "email" | "expectedTotal"> & {
  /** The waiting rooms whose goods are in it; absent for most. What it was let in with is kept beside, and `spillway verify` compares. */
  readonly rooms?: readonly string[];
};
