/**
 * Who needs no place: addresses, tokens, crawlers that prove whose they are, and codes that are good once. Each is counted by its reason, and the
 * counts are published with the line, so that nobody who waits need wonder.
 */
import type { Room } from "#contract/waiting-room.ts";
import { contains, parseNetworks } from "../addresses.ts";
import type { Glimpse } from "../exchange.ts";
import type { LineStore, RoomKeys, VerifyBot } from "./ports.ts";

export type BypassReason = "address" | "token" | "bot" | "code";

export type BypassDeps = {
  readonly keys: Pick<RoomKeys, "sha256" | "randomBytes">;
  readonly store: Pick<LineStore, "putOnce" | "takeOnce">;
  readonly verifyBot: VerifyBot;
};

export type Bypass = {
  /** What is known at once. A promise only for who says to be a crawler of the list. */
  of(exchange: Glimpse): BypassReason | undefined | Promise<BypassReason | undefined>;
  /** Takes a code that is good once; false when it is none, or was used. */
  redeem(code: string): Promise<boolean>;
  /** Makes codes. Only their hashes are kept; this is the only time that they are told. */
  invite(count: number): Promise<readonly string[]>;
};

const codeSeconds = 60 * 24 * 3600;
/** 80 bits in letters that are not mistaken for each other (Crockford's base 32). */
const codeBytes = 10;
const tokenMax = 200;

export function createBypass(room: Room, deps: BypassDeps): Bypass {
  const { addresses, tokens, codes, bots } = room.bypass;
  const networks = parseNetworks(addresses);
  const tokenHashes = new Set(tokens);
  const codeHashes = new Set(codes);
  const hash = (text: string): string => deps.keys.sha256(new TextEncoder().encode(text)).toHex();
  const nameOf = (code: string): string => `invitation ${room.id} ${room.epoch} ${hash(code)}`;

  return {
    of({ address, headers }) {
      if (networks.size > 0 && contains(networks, address)) return "address";
      if (tokenHashes.size > 0) {
        const token = headers.get("spillway-bypass");
        if (token !== null && token.length <= tokenMax && tokenHashes.has(hash(token))) return "token";
      }
      // Asking DNS for everybody would make us a tool against it: only who says to be a crawler is looked up.
      if (bots.length > 0 && /bot|crawl|spider|slurp/i.test(headers.get("user-agent") ?? ""))
        return deps.verifyBot(address, bots).then((domain) => (domain === undefined ? undefined : "bot"));
      return undefined;
    },

    async redeem(given) {
      if (given.length > tokenMax) return false;
      const code = plainCode(given);
      // A code of the configuration is written as its owner likes, one of ours in groups of four.
      const listed = [given.trim(), code].find((one) => codeHashes.has(hash(one)));
      if (listed !== undefined) return await deps.store.putOnce(`used ${nameOf(listed)}`, "1", codeSeconds);
      return (await deps.store.takeOnce(nameOf(code))) !== undefined;
    },

    async invite(count) {
      const made: string[] = [];
      while (made.length < count) {
        const code = readable(deps.keys.randomBytes(codeBytes));
        if (await deps.store.putOnce(nameOf(plainCode(code)), "1", codeSeconds)) made.push(code);
      }
      return made;
    },
  };
}

const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** "K7QM-2R9D-…": five bits a sign, in groups of four. */
export function readable(bytes: Uint8Array): string {
  let bits = 0;
  let held = 0;
  let text = "";
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += letters[(held >> bits) & 31];
      held &= (1 << bits) - 1;
    }
  }
  return text.replace(/(.{4})(?=.)/g, "$1-");
}

/** As it is compared: without blanks and hyphens, and with what people read for another letter set right. */
export const plainCode = (text: string): string =>
  text.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
