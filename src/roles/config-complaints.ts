/** What the checks of a configuration share: how a complaint is made, and how a wrong value is shown in it. */
import { parseNetworks } from "#edge/addresses.ts";

/** A sentence's end behind the place, given as a JSON pointer. */
export type Complain = (pointer: string, message: string) => void;

export const shown = (value: unknown): string => {
  const text = value === undefined ? "nothing" : (JSON.stringify(value) ?? typeof value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
};

/** By the very reading that the edge will make of it. */
export function networkComplaint(text: string): string | undefined {
  try {
    parseNetworks([text]);
    return undefined;
  } catch {
    return `must be an address or a CIDR such as "10.0.0.0/8" or "2001:db8::/32", not ${shown(text)}`;
  }
}
