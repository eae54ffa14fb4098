/** What the checks of a configuration share beyond its schema. */
import { parseNetworks } from "#edge/addresses.ts";
import { shown } from "./schema-complaints.ts";

/** A sentence's end behind the place, given as a JSON pointer. */
export type Complain = (pointer: string, message: string) => void;

/** By the very reading that the edge will make of it. */
export function networkComplaint(text: string): string | undefined {
  try {
    parseNetworks([text]);
    return undefined;
  } catch {
    return `must be an address or a CIDR such as "10.0.0.0/8" or "2001:db8::/32", not ${shown(text)}`;
  }
}
