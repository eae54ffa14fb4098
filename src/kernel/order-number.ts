/**
 * Order numbers as people read them. The id counts up; its number does not show how many orders there are, fits on a
 * parcel label, can be read out on the phone (Crockford's base 32: no I, L, O, U), and its last sign catches a typing error.
 */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** 7 signs hold 2^35 numbers; multiplying by an odd constant modulo 2^35 permutes them. */
const size = 2n ** 35n;
const multiplier = 22_695_477_213n;
const sizeNumber = Number(size);
const multiplierNumber = Number(multiplier);
const inverse = modularInverse(multiplier);

/** 1000 becomes something like "S4F8Q0T2K". */
export function orderNumber(id: number): string {
  // id x multiplier modulo 2^35 in two halves, neither of which leaves the exact integers.
  const low = id % 131_072;
  const high = ((id - low) / 131_072) % 262_144;
  let value = (((high * multiplierNumber) % 262_144) * 131_072 + low * multiplierNumber) % sizeNumber;
  let text = "";
  let sum = 0;
  for (let place = 6; place >= 0; place--) {
    const digit = value % 32;
    value = (value - digit) / 32;
    text = alphabet.charAt(digit) + text;
    sum += digit * (place + 2);
  }
  return `S${text}${alphabet.charAt(sum % 31)}`;
}

/** The id behind a number, however it was typed (lower case, spaces, O for 0); undefined when it cannot be one. */
export function orderId(number: string): number | undefined {
  const text = number.trim().toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  const match = /^S([0-9A-HJKMNP-TV-Z]{7})([0-9A-HJKMNP-TV-Z])$/.exec(text);
  if (match === null || match[1] === undefined || checkSign(match[1]) !== match[2]) return undefined;
  let value = 0n;
  for (const sign of match[1]) value = value * 32n + BigInt(alphabet.indexOf(sign));
  return Number((value * inverse) % size);
}

/** Weighted sum modulo 31, a prime below the base: catches every single wrong sign but the pair that differs by 31, and every swap of neighbours. */
function checkSign(text: string): string {
  let sum = 0;
  for (let place = 0; place < text.length; place++) sum += alphabet.indexOf(text.charAt(place)) * (place + 2);
  return alphabet.charAt(sum % 31);
}

/** The inverse of an odd number modulo 2^35, by Newton's iteration. */
function modularInverse(odd: bigint): bigint {
  let x = odd;
  for (let i = 0; i < 6; i++) x = (x * ((2n - ((odd * x) % size) + size * 2n) % size)) % size;
  return x;
}
