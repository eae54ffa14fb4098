/**
 * Which room a request belongs to: the first of the list that fits it. A path fits a room
 * when some origin might read it so, but is exempt only when any would; so no spelling of /checkout slips past.
 *
 * Rooms by tag go by what was learnt: a page's tags stand in its answer, so it is the answer that teaches which room its address
 * belongs to, and the first who asks for an address that this edge has not seen reaches the origin with a GET. From then on it is
 * known, for as many addresses as are remembered.
 */
import type { Room } from "#contract/waiting-room.ts";
import type { Glimpse } from "../exchange.ts";
import { guardPattern, plainPath } from "../path-pattern.ts";
import { copyOf } from "../routes.ts";

export type Matching = {
  /** The index of the first room that fits; -1: none does. */
  roomOf(exchange: Glimpse): number;
  /** Takes the tags of an answer ("collection-drop stock"). */
  learn(exchange: Glimpse, tags: string): void;
  /** Whether any room goes by tags, and this address has not taught its own. */
  isUnknown(exchange: Glimpse): boolean;
};

/** Paths remembered in each of two generations, and addresses whose tags are. */
const remembered = 8192;
const rememberedLengthMax = 512;

type Rule = {
  readonly fits: (path: string) => boolean;
  readonly hosts: ReadonlySet<string> | undefined;
  readonly header: { readonly name: string; readonly value: string } | undefined;
  readonly tags: ReadonlySet<string>;
};

const nothing: readonly number[] = [];

export function createMatching(rooms: readonly Room[]): Matching {
  const rules = rooms.map(ruleOf);
  const learns = rules.some(({ tags }) => tags.size > 0);
  let young = new Map<string, readonly number[]>();
  let old = new Map<string, readonly number[]>();
  /** Host and path to the rooms that its tags name; the one asked for longest ago goes first. */
  const taught = new Map<string, readonly number[]>();

  /** Rooms that a path alone may belong to. */
  function byPath(path: string): readonly number[] {
    const known = young.get(path);
    if (known !== undefined) return known;
    const found = old.get(path) ?? rules.flatMap(({ fits }, index) => (fits(path) ? [index] : []));
    if (path.length > rememberedLengthMax) return found;
    if (young.size >= remembered) {
      old = young;
      young = new Map();
    }
    young.set(copyOf(path), found);
    return found;
  }

  const agrees = (index: number, { host, headers }: Glimpse): boolean => {
    const { hosts, header } = rules[index] as Rule;
    if (hosts !== undefined && !hosts.has(host.replace(/:\d+$/, ""))) return false;
    return header === undefined || headers.get(header.name) === header.value;
  };

  return {
    isUnknown: (exchange) => learns && !taught.has(addressOf(exchange)),

    roomOf(exchange) {
      let least = -1;
      for (const index of byPath(exchange.path)) {
        if ((rules[index] as Rule).tags.size === 0 && agrees(index, exchange)) {
          least = index;
          break;
        }
      }
      if (!learns) return least;
      for (const index of taught.get(addressOf(exchange)) ?? nothing) {
        if ((least === -1 || index < least) && agrees(index, exchange)) return index;
      }
      return least;
    },

    learn(exchange, tags) {
      if (!learns) return;
      const named = new Set(tags.split(/[\s,]+/));
      const paths = byPath(exchange.path);
      const found = rules.flatMap((rule, index) =>
        rule.tags.size > 0 && !rule.tags.isDisjointFrom(named) && paths.includes(index) ? [index] : [],
      );
      const address = addressOf(exchange);
      if (address.length > rememberedLengthMax) return;
      taught.delete(address);
      if (taught.size >= remembered) taught.delete(taught.keys().next().value as string);
      taught.set(copyOf(address), found);
    },
  };
}

const addressOf = ({ host, path }: Glimpse): string => `${host} ${plainPath(path)}`;

function ruleOf({ match }: Room): Rule {
  const paths = match.paths.map(guardPattern);
  const open = match.except.map(guardPattern);
  return {
    fits: (path) =>
      (paths.length === 0 || paths.some(({ mayBe }) => mayBe(path))) && !open.some(({ mustBe }) => mustBe(path)),
    hosts: match.hosts.length === 0 ? undefined : new Set(match.hosts.map((host) => host.toLowerCase())),
    header: match.header,
    tags: new Set(match.tags),
  };
}
