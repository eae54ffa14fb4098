/**
 * IP addresses as the edge compares them: lists of networks (RFC 4632, RFC 4291) for trusted proxies and for allow and
 * deny lists, and the key that a limit counts under. An IPv4-mapped IPv6 address (::ffff:192.0.2.1, RFC 4291 2.5.5.2)
 * is the IPv4 address that it stands for, or a dual-stack socket would give every client a second allowance.
 */
export type Networks = {
  readonly size: number;
  /** By mask, so that a look-up costs one step for each length in the list and not one for each network. */
  readonly ipv4: readonly { readonly mask: number; readonly networks: ReadonlySet<number> }[];
  readonly ipv6: readonly { readonly length: number; readonly networks: ReadonlySet<string> }[];
};

/** Addresses and CIDRs; every entry that is neither is named in one error. */
export function parseNetworks(list: readonly string[]): Networks {
  const ipv4 = new Map<number, Set<number>>();
  const ipv6 = new Map<number, Set<string>>();
  const wrong: string[] = [];
  for (const entry of list) {
    const slash = entry.indexOf("/");
    const address = slash < 0 ? entry : entry.slice(0, slash);
    const length =
      slash < 0 ? undefined : /^\d{1,3}$/.test(entry.slice(slash + 1)) ? Number(entry.slice(slash + 1)) : -1;
    const four = parseIpv4(address);
    if (four !== undefined && (length === undefined || (length >= 0 && length <= 32))) {
      add4(ipv4, four, length ?? 32);
    } else if (parseIpv6(address) && (length === undefined || (length >= 0 && length <= 128))) {
      if (isMapped() && (length === undefined || length >= 96)) add4(ipv4, mappedIpv4(), (length ?? 128) - 96);
      else add6(ipv6, length ?? 128);
    } else wrong.push(`"${entry}"`);
  }
  if (wrong.length > 0) {
    throw new RangeError(
      `${wrong.join(", ")} ${wrong.length === 1 ? "is" : "are"} neither an IP address nor a network: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32.`,
    );
  }
  return {
    size: list.length,
    ipv4: [...ipv4].map(([length, networks]) => ({ mask: maskOf(length), networks })),
    ipv6: [...ipv6].map(([length, networks]) => ({ length, networks })),
  };
}

/** Whether a network of the list holds this address. What is no address is in none. */
export function contains(networks: Networks, address: string): boolean {
  if (networks.size === 0) return false;
  let four = parseIpv4(address);
  if (four === undefined) {
    if (!parseIpv6(address)) return false;
    if (isMapped()) four = mappedIpv4();
    else return networks.ipv6.some(({ length, networks: known }) => known.has(network6(length)));
  }
  for (const { mask, networks: known } of networks.ipv4) {
    if (known.has((four & mask) >>> 0)) return true;
  }
  return false;
}

/**
 * What a limit counts an address under: IPv4 as it is; IPv6 by its /64, because one subscriber has at least that much
 * (RFC 6177) and could otherwise send every request from another address. Not to be read, only to be compared.
 */
export function limitKey(address: string): string {
  if (address.indexOf(":") < 0 || !parseIpv6(address)) return address;
  if (!isMapped()) return network6(64);
  const four = mappedIpv4();
  return `${four >>> 24}.${(four >>> 16) & 255}.${(four >>> 8) & 255}.${four & 255}`;
}

const maskOf = (length: number): number => (length === 0 ? 0 : (-1 << (32 - length)) >>> 0);

function add4(map: Map<number, Set<number>>, address: number, length: number): void {
  const networks = map.get(length) ?? new Set<number>();
  map.set(length, networks.add((address & maskOf(length)) >>> 0));
}

function add6(map: Map<number, Set<string>>, length: number): void {
  const networks = map.get(length) ?? new Set<string>();
  map.set(length, networks.add(network6(length)));
}

/** Four decimal numbers without leading zeros: some would read 010.0.0.1 as octal, so nobody may mean it. */
function parseIpv4(text: string): number | undefined {
  let address = 0;
  let part = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (part < 0 || ++dots > 3) return undefined;
      address = address * 256 + part;
      part = -1;
    } else {
      if (code < 48 || code > 57 || part === 0) return undefined;
      part = (part < 0 ? 0 : part * 10) + code - 48;
      if (part > 255) return undefined;
    }
  }
  return dots === 3 && part >= 0 ? address * 256 + part : undefined;
}

/** Of the address that was parsed last. */
const groups = new Uint16Array(8);
const group = (index: number): number => groups[index] as number;

/**
 * Writes `groups`. By hand and in one pass, because it runs on every request of an IPv6 client. A zone ("%eth0") says by
 * which link of this machine an address is reached and is left out.
 */
function parseIpv6(text: string): boolean {
  let at = 0;
  let gap = -1;
  let value = 0;
  let digits = 0;
  let end = text.indexOf("%");
  if (end < 0) end = text.length;
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    const digit = code < 58 ? code - 48 : (code | 32) - 87;
    if (code !== 58 && code !== 46) {
      if (digit < 0 || digit > 15 || (code >= 58 && digit < 10) || ++digits > 4) return false;
      value = value * 16 + digit;
    } else if (code === 46) {
      // The last 32 bits written as IPv4.
      const four = parseIpv4(text.slice(i - digits, end));
      if (four === undefined || at > 6) return false;
      groups[at++] = four >>> 16;
      groups[at++] = four & 0xffff;
      digits = -1;
      break;
    } else if (digits > 0) {
      if (at > 7 || i + 1 === end) return false;
      groups[at++] = value;
      value = digits = 0;
    } else {
      // A colon after no digits: the second of "::", which may stand once, or the first of one at the very beginning.
      if (i === 0 && text.charCodeAt(1) !== 58) return false;
      if (i === 0) continue;
      if (gap >= 0) return false;
      gap = at;
    }
  }
  if (digits > 0) {
    if (at > 7) return false;
    groups[at++] = value;
  }
  if (gap < 0) return at === 8;
  if (at > 7) return false;
  groups.copyWithin(8 - (at - gap), gap, at);
  groups.fill(0, gap, 8 - (at - gap));
  return true;
}

function isMapped(): boolean {
  return group(5) === 0xffff && (group(0) | group(1) | group(2) | group(3) | group(4)) === 0;
}

function mappedIpv4(): number {
  return group(6) * 65_536 + group(7);
}

/** The network of this length that the address parsed last is in: not to be read, only to be compared. */
function network6(length: number): string {
  if (length === 64) return String.fromCharCode(group(0), group(1), group(2), group(3));
  let text = "";
  for (let i = 0; i < 8 && length > i * 16; i++) {
    const bits = Math.min(length - i * 16, 16);
    text += String.fromCharCode(group(i) & ((0xffff << (16 - bits)) & 0xffff));
  }
  return text;
}
