/** Looks an upstream's name up again and again: each address is an upstream of its own, and one that is gone is drained. */
import type { Clock } from "#kernel/clock.ts";

/** Addresses of a host name; rejects when there is no answer. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** More addresses than this of one name are not used. */
const addressesMax = 256;

/**
 * Until `signal` aborts. `found` is told every address whenever there is an answer. No answer, or an empty one, changes
 * nothing: a name service in trouble must not take a working shop away.
 */
export async function lookUp(
  hostname: string,
  everyMs: number,
  deps: { readonly clock: Clock; readonly resolve: Resolve; readonly found: (addresses: readonly string[]) => void },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const addresses = await deps.resolve(hostname).catch(() => []);
    if (signal.aborted) return;
    if (addresses.length > 0) deps.found([...new Set(addresses)].sort().slice(0, addressesMax));
    await deps.clock.sleep(everyMs, signal);
  }
}

/** Addresses need no looking up: `127.0.0.1`, `[::1]`. */
export function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
}
