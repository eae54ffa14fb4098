/** Whether a token is the right one, without telling by the time it takes how much of it was. */
import { createHash, timingSafeEqual } from "node:crypto";

/** Each of them is right, in constant time; one that is not there never is. */
export function tokenCheck(...tokens: readonly (() => string | undefined)[]): (given: string) => boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return (given) => {
    const found = tokens.map((token) => {
      const expected = token();
      return expected !== undefined && timingSafeEqual(digest(given), digest(expected));
    });
    return found.includes(true);
  };
}
