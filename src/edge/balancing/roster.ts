/**
 * Who may be asked: upstreams of the configuration and of the admin API, each as one address or as all that its name has, with the
 * checks of its health. What is known of one stays while it is listed; requests under way at one that has gone end.
 *
 * configured or added -> found by its name, again and again -> drained and used again, weighed -> removed
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Clock, Random } from "#kernel/clock.ts";
import { checkHealth } from "./health-checks.ts";
import { isAddress, lookUp, type Resolve } from "./name-lookup.ts";
import type { Pool } from "./pool.ts";
import { Upstream, type UpstreamCounts, type UpstreamOrigin } from "./upstream.ts";

type UpstreamSettings = EdgeConfig["upstreams"][number];

export type RosterDeps = {
  readonly pool: Pool;
  /** `address`: connect there instead of looking the URL's host up; it stays the name for TLS. */
  readonly open: (url: string, address: string | undefined) => UpstreamOrigin;
  /** Its `now` should be steady and finer than a millisecond: `performance.now`. */
  readonly clock: Clock;
  readonly random: Random;
  /** Needed when `resolveSeconds` is set. */
  readonly resolve?: Resolve;
  readonly countsOf: (upstream: string) => UpstreamCounts;
  /** Told when one that gave no answer passes its check. */
  readonly answersAgain: (upstream: Upstream, nowMs: number) => void;
};

export type Roster = {
  /** Makes the list be this one: new ones are added, missing ones removed, weights set. For a config that was reloaded. */
  replace(upstreams: readonly UpstreamSettings[]): void;
  /** False when the name is taken. */
  add(upstream: UpstreamSettings): boolean;
  /** These take the name of an upstream or of one of its addresses; false when nothing has that name. */
  remove(name: string): boolean;
  drain(name: string): boolean;
  resume(name: string): boolean;
  setWeight(name: string, weight: number): boolean;
  /** No more checks and look-ups; connections are closed when they are idle. */
  stop(): void;
};

/** `http://shop.internal:8080` is `shop.internal:8080` when it has no name of its own. */
const nameOf = (upstream: UpstreamSettings): string => upstream.name ?? new URL(upstream.url).host;

export function createRoster(
  settings: EdgeConfig["balancing"],
  configured: readonly UpstreamSettings[],
  deps: RosterDeps,
): Roster {
  const { pool, clock, random } = deps;
  /** By the configured upstream's name: its settings, and what ends its looking up. */
  const groups = new Map<string, { readonly settings: UpstreamSettings; readonly end: AbortController }>();
  const ends = new Map<Upstream, AbortController>();

  function watchOver(upstream: Upstream): void {
    const path = settings.healthPath;
    if (path === undefined) return;
    const end = new AbortController();
    ends.set(upstream, end);
    void checkHealth(
      upstream,
      {
        path,
        everyMs: settings.healthSeconds * 1000,
        unhealthyAfter: settings.unhealthyAfter,
        healthyAfter: settings.healthyAfter,
      },
      {
        clock,
        random,
        good: () => {
          // It can be reached again. Errors in its answers to shoppers are another matter, which only time mends.
          if (upstream.reason === "no-answer") deps.answersAgain(upstream, clock.now());
        },
        changed: () => {
          if (upstream.isUnhealthy) pool.refresh();
          else pool.welcomeBack(upstream, clock.now());
        },
      },
      end.signal,
    );
  }

  function open(group: UpstreamSettings, address: string | undefined, isLate: boolean): void {
    const groupName = nameOf(group);
    const nowMs = clock.now();
    const upstream = new Upstream({
      name: address === undefined ? groupName : `${groupName}@${address}`,
      group: groupName,
      url: group.url,
      address,
      weight: group.weight ?? 1,
      origin: deps.open(group.url, address),
      counts: deps.countsOf(groupName),
      ejectSeconds: settings.ejectSeconds,
      healthyAfter: settings.healthyAfter,
      unhealthyAfter: settings.unhealthyAfter,
      nowMs,
    });
    pool.add(upstream, isLate ? nowMs : undefined);
    watchOver(upstream);
  }

  function close(upstream: Upstream): void {
    ends.get(upstream)?.abort();
    ends.delete(upstream);
    upstream.isRemoved = true;
    pool.forget(upstream);
    if (upstream.inFlight === 0) upstream.origin.close?.();
  }

  const named = (name: string): Upstream[] =>
    pool.members.filter((upstream) => upstream.name === name || upstream.group === name);

  function add(upstream: UpstreamSettings, isLate: boolean): boolean {
    const name = nameOf(upstream);
    if (groups.has(name)) return false;
    const end = new AbortController();
    groups.set(name, { settings: upstream, end });
    const { hostname } = new URL(upstream.url);
    const { resolve } = deps;
    // Until the first answer comes, the name itself is as good as an address.
    open(upstream, undefined, isLate);
    if (settings.resolveSeconds > 0 && resolve !== undefined && !isAddress(hostname)) {
      const found = (addresses: readonly string[]): void => {
        const present = named(name);
        const weight = present[0]?.weight;
        const isDraining = present.length > 0 && present.every((member) => member.isDraining);
        const wanted = addresses.filter((address) => !present.some((member) => member.address === address));
        const isFirst = present.some(({ address }) => address === undefined);
        for (const address of wanted) {
          open({ ...upstream, ...(weight === undefined ? {} : { weight }) }, address, isLate || !isFirst);
          if (isDraining) for (const member of named(`${name}@${address}`)) member.isDraining = true;
        }
        for (const member of present) if (!addresses.includes(member.address ?? "")) close(member);
        pool.refresh();
      };
      void lookUp(hostname, settings.resolveSeconds * 1000, { clock, resolve, found }, end.signal);
    }
    return true;
  }

  function remove(name: string): boolean {
    const members = named(name);
    for (const upstream of members) close(upstream);
    groups.get(name)?.end.abort();
    return groups.delete(name) || members.length > 0;
  }

  function change(name: string, how: (upstream: Upstream) => void): boolean {
    const members = named(name);
    for (const upstream of members) how(upstream);
    pool.refresh();
    return members.length > 0;
  }

  const setWeight = (name: string, weight: number): boolean =>
    change(name, (upstream) => {
      upstream.weight = weight;
    });

  for (const upstream of configured) {
    if (!add(upstream, false))
      throw new Error(`Two upstreams have the name ${nameOf(upstream)}: give one of them another \`name\`.`);
  }

  return {
    replace(upstreams) {
      const wanted = new Map(upstreams.map((upstream) => [nameOf(upstream), upstream]));
      for (const [name, group] of [...groups]) if (wanted.get(name)?.url !== group.settings.url) remove(name);
      for (const [name, upstream] of wanted) {
        if (!add(upstream, true)) setWeight(name, upstream.weight ?? 1);
      }
    },
    add: (upstream) => add(upstream, true),
    remove,
    drain: (name) =>
      change(name, (upstream) => {
        upstream.isDraining = true;
      }),
    resume: (name) =>
      change(name, (upstream) => {
        if (upstream.isDraining) upstream.backAtMs = clock.now();
        upstream.isDraining = false;
      }),
    setWeight,
    stop() {
      for (const name of [...groups.keys()]) remove(name);
    },
  };
}
