/**
 * Whose crawler asks: the name under which its address is known must end in a domain of the list, and that name must lead back to the address
 * (https://developers.google.com/search/docs/crawling-indexing/verifying-googlebot). What was found is kept for an hour, what was not
 * for ten minutes; both bounded, and so is what is asked at once.
 */
import { Resolver } from "node:dns/promises";
import type { VerifyBot } from "#edge/waiting-room/ports.ts";

export type DnsLook = {
  readonly reverse: (address: string) => Promise<readonly string[]>;
  readonly addresses: (name: string) => Promise<readonly string[]>;
};

const foundMs = 3_600_000;
const notFoundMs = 600_000;
const keptMax = 10_000;
const asksMax = 32;

export function createVerifyBot(nowMs: () => number, dns: DnsLook = systemDns()): VerifyBot {
  const kept = new Map<string, { readonly names: readonly string[]; readonly untilMs: number }>();
  const asking = new Map<string, Promise<readonly string[]>>();

  /** Names that lead back to this address. */
  async function namesOf(address: string): Promise<readonly string[]> {
    const known = kept.get(address);
    if (known !== undefined && known.untilMs > nowMs()) return known.names;
    const asked = asking.get(address);
    if (asked !== undefined) return await asked;
    if (asking.size >= asksMax) return [];
    const promise = look(address);
    asking.set(address, promise);
    try {
      const names = await promise;
      kept.delete(address);
      if (kept.size >= keptMax) kept.delete(kept.keys().next().value as string);
      kept.set(address, { names, untilMs: nowMs() + (names.length > 0 ? foundMs : notFoundMs) });
      return names;
    } finally {
      asking.delete(address);
    }
  }

  async function look(address: string): Promise<readonly string[]> {
    const names: readonly string[] = await dns.reverse(address).catch(() => []);
    const confirmed: string[] = [];
    for (const name of names.slice(0, 4)) {
      const addresses: readonly string[] = await dns.addresses(name).catch(() => []);
      if (addresses.includes(address)) confirmed.push(name.toLowerCase().replace(/\.$/, ""));
    }
    return confirmed;
  }

  return async (address, domains) => {
    const names = await namesOf(address);
    return domains.find((domain) => names.some((name) => name === domain || name.endsWith(`.${domain}`)));
  };
}

function systemDns(): DnsLook {
  const resolver = new Resolver({ timeout: 1500, tries: 2 });
  return {
    reverse: async (address) => await resolver.reverse(address),
    addresses: async (name) => {
      const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
      return found.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
    },
  };
}
