/** Money is an integer count of a currency's minor units; nothing here ever holds a fraction of one. */
export type Money = {
  /** Minor units (cents for EUR, yen for JPY): an integer. */
  readonly amount: number;
  /** ISO 4217 code, upper case. */
  readonly currency: string;
};

const digitsByCurrency = new Map<string, number>();

/** How many decimal digits the currency's minor unit has (ISO 4217, by the runtime's own table): EUR 2, JPY 0, KWD 3. */
export function minorDigits(currency: string): number {
  let digits = digitsByCurrency.get(currency);
  if (digits === undefined) {
    digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
    digitsByCurrency.set(currency, digits);
  }
  return digits;
}

/**
 * Reads a decimal such as "1299.90" into minor units without floating point; undefined when it is not a plain
 * non-negative decimal or has more digits than the currency.
 */
export function parseMinor(text: string, currency: string): number | undefined {
  const match = /^(\d{1,12})(?:\.(\d+))?$/.exec(text.trim());
  if (match === null) return undefined;
  const digits = minorDigits(currency);
  const fraction = (match[2] ?? "").replace(/0+$/, "");
  if (fraction.length > digits) return undefined;
  return Number(`${match[1]}${fraction.padEnd(digits, "0")}`);
}

/** Writes minor units as a plain decimal: 129990 EUR is "1299.90". */
export function formatDecimal(amount: number, currency: string): string {
  const digits = minorDigits(currency);
  const sign = amount < 0 ? "-" : "";
  const text = String(Math.abs(amount)).padStart(digits + 1, "0");
  return digits === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

const formatters = new Map<string, Intl.NumberFormat>();

/** Writes money for people: 129990 EUR in "en" is "€1,299.90". */
export function formatMoney(amount: number, currency: string, locale = "en"): string {
  const key = `${locale} ${currency}`;
  let formatter = formatters.get(key);
  if (formatter === undefined) {
    formatter = new Intl.NumberFormat(locale, { style: "currency", currency });
    formatters.set(key, formatter);
  }
  return formatter.format(amount / 10 ** minorDigits(currency));
}

/**
 * Splits an amount over weights so that the parts are integers and sum to the amount exactly (largest remainder,
 * ties to the earlier part). Weights must not all be zero unless the amount is zero.
 */
export function allocate(amount: number, weights: readonly number[]): number[] {
  // A product of two sums of money may leave the exact integers of a number.
  const sum = weights.reduce((total, weight) => total + BigInt(weight), 0n);
  if (sum === 0n) return weights.map(() => 0);
  const exact = weights.map((weight, index) => {
    const product = BigInt(amount) * BigInt(weight);
    return { index, share: Number(product / sum), remainder: product % sum };
  });
  const shares = exact.map(({ share }) => share);
  let rest = amount - shares.reduce((total, share) => total + share, 0);
  const byRemainder = exact.sort((a, b) =>
    a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1,
  );
  for (const { index } of byRemainder) {
    if (rest <= 0) break;
    shares[index] = (shares[index] ?? 0) + 1;
    rest -= 1;
  }
  return shares;
}
