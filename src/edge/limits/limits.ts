/**
 * Who may ask how often. Each policy is a rate and a burst (GCRA) for every address, visitor, token or route; several
 * may apply to one request, which passes when all of them let it and takes from none of them when one does not.
 *
 * Tells it in `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10): on every 429, and on answers
 * to programs that show a token, which can act on it. Pages and what caches keep stay as they are.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Signer } from "#kernel/signer.ts";
import { type Gcra, gcra, remaining, standing, take, wait } from "#resilience/gcra.ts";
import { KeyHash } from "#resilience/key-hash.ts";
import { KeyTable } from "#resilience/key-table.ts";
import { contains, limitKey, type Networks, parseNetworks } from "../addresses.ts";
import type { Answer, Exchange, Glimpse, Next, Stage } from "../exchange.ts";
import { type GuardPattern, guardPattern } from "../path-pattern.ts";
import type { Meter } from "../ports.ts";
import { createChallenge } from "./challenge.ts";
import { refuse } from "./refusal.ts";
import { createVisitors } from "./visitor.ts";

export type LimitsDeps = {
  readonly signer: Signer;
  /** Nobody can guess it; at least 16 letters, digits, "-" and "_". */
  readonly newId: () => string;
  /** Two random 32-bit numbers, others for each process: the key of the table's hash. */
  readonly seed: readonly [number, number];
  readonly meter: Meter;
};

export type Limits = {
  readonly stage: Stage;
  /**
   * For an answer that is ready: takes what the stage would take, and gives the fields that it would add. Undefined: the stage
   * has more to say to this request, and nothing was taken. `isPrivate`: the answer's Cache-Control says private or no-store.
   */
  readonly charge: (exchange: Glimpse, isPrivate: boolean) => readonly (readonly [string, string])[] | undefined;
  stats(): LimitsStats;
  /** Obeys these settings from the next request on; what was counted under a policy of the same name stays counted. */
  configure(settings: EdgeConfig["limits"]): void;
};

export type LimitsStats = {
  readonly keys: number;
  readonly keyBytes: number;
  /** Keys that had to be forgotten while they still counted. */
  readonly keysForgotten: number;
  readonly denied: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly challenge: Readonly<Record<string, number>>;
};

type Policy = {
  readonly name: string;
  readonly by: EdgeConfig["limits"]["policies"][number]["by"];
  readonly rule: Gcra;
  /** Mixed into the key's hash, so that all policies share one table. */
  readonly low: number;
  readonly high: number;
  readonly methods: ReadonlySet<string> | null;
  readonly paths: readonly GuardPattern[] | null;
  /** Its item in `RateLimit-Policy`. */
  readonly item: string;
  readonly countRefused: () => void;
};

const applies = (policy: Policy, exchange: Glimpse): boolean =>
  (policy.methods === null || policy.methods.has(exchange.method)) &&
  (policy.paths === null || policy.paths.some(({ mayBe }) => mayBe(exchange.path)));

/** The quota of a whole window of at least the burst's length: what a client may plan with. */
function policyItem({ name, perSecond, burst }: EdgeConfig["limits"]["policies"][number]): string {
  const seconds = Math.max(1, Math.ceil(burst / perSecond));
  return `"${name}";q=${Math.max(1, Math.floor(perSecond * seconds))};w=${seconds}`;
}

type LimitFields = { readonly policy: string; readonly limit: string };

const noFields: readonly (readonly [string, string])[] = [];
const written = ({ policy, limit }: LimitFields): [string, string][] => [
  ["ratelimit-policy", policy],
  ["ratelimit", limit],
];

/** Whether an answer is for one visitor, and may carry a cookie. */
export const isPrivate = (cacheControl: string | null): boolean =>
  cacheControl !== null && /\b(?:private|no-store)\b/i.test(cacheControl);

export function createLimits(first: EdgeConfig["limits"], deps: LimitsDeps): Limits {
  const hash = new KeyHash(deps.seed);
  const visitors = createVisitors(deps.signer);
  const challenge = createChallenge(first.challenge, { ...deps, visitors });
  const countRefused = deps.meter.counter("spillway_edge_limited_total", "Requests refused by a limit.");
  const countDenied = deps.meter.counter("spillway_edge_denied_total", "Requests of denied addresses.")({});
  const refusedOf = new Map<string, number>();
  let denied = 0;

  // Of the request under way: where each policy that applies has its key (-1: nowhere yet, -2: it does not apply), and its time before.
  let places = new Int32Array(0);
  let lows = new Uint32Array(0);
  let highs = new Uint32Array(0);
  let tats = new Float64Array(0);

  /** Times are counted from the first request: milliseconds since 1970 leave no room for fractions of a microsecond. */
  let startMs = Number.NaN;
  let settings = first;
  let table = new KeyTable(first.keysMax);
  let policies: readonly Policy[] = [];
  let allow: Networks;
  let deny: Networks;
  let hasVisitorPolicy: boolean;
  configure(first);
  deps.meter.gauge("spillway_edge_limit_keys", "Keys that limits remember.", () => table.size);

  function configure(next: EdgeConfig["limits"]): void {
    const nextAllow = parseNetworks(next.allow);
    const nextDeny = parseNetworks(next.deny);
    const names = next.policies.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new RangeError(`Two limits are named "${twice}": give each a name of its own.`);
    policies = next.policies.map((policy) => {
      hash.of(`policy ${policy.name}`);
      const count = countRefused({ policy: policy.name });
      return {
        name: policy.name,
        by: policy.by,
        rule: gcra(policy),
        low: hash.low,
        high: hash.high,
        methods: policy.methods === undefined ? null : new Set(policy.methods),
        paths: policy.routes === undefined ? null : policy.routes.map(guardPattern),
        item: policyItem(policy),
        countRefused() {
          count();
          refusedOf.set(policy.name, (refusedOf.get(policy.name) ?? 0) + 1);
        },
      };
    });
    allow = nextAllow;
    deny = nextDeny;
    hasVisitorPolicy = policies.some(({ by }) => by === "visitor");
    places = new Int32Array(policies.length);
    lows = new Uint32Array(policies.length);
    highs = new Uint32Array(policies.length);
    tats = new Float64Array(policies.length);
    if (next.keysMax !== settings.keysMax) table = new KeyTable(next.keysMax);
    challenge.configure(next.challenge);
    settings = next;
  }

  /** What this policy counts the request under; undefined: not at all. */
  function keyOf(policy: Policy, exchange: Glimpse, visitor: string | undefined): string | undefined {
    switch (policy.by) {
      case "address":
        return limitKey(exchange.address);
      case "visitor":
        return visitor ?? limitKey(exchange.address);
      case "token":
        return exchange.headers.get("authorization") ?? exchange.headers.get("x-api-key") ?? undefined;
      case "route":
        return exchange.route.template;
    }
  }

  /** Set for the request under way when a policy counts it by its token: programs are told where they stand. */
  let hasToken = false;

  const visitorOf = ({ headers }: Glimpse): string | undefined =>
    hasVisitorPolicy ? visitors.read(headers) : undefined;

  const fieldsToTell = ({ atMs }: Glimpse): LimitFields | undefined =>
    hasToken ? limitFields(atMs - startMs) : undefined;

  /** Takes one from each policy that applies; false: one has none left, and none was taken from any. */
  function takeFromAll(exchange: Glimpse, visitor: string | undefined): boolean {
    if (Number.isNaN(startMs)) startMs = exchange.atMs;
    const now = exchange.atMs - startMs;
    let isOver = false;
    hasToken = false;
    for (let i = 0; i < policies.length; i++) {
      const policy = policies[i] as Policy;
      const key = applies(policy, exchange) ? keyOf(policy, exchange, visitor) : undefined;
      if (key === undefined) {
        places[i] = -2;
        continue;
      }
      if (policy.by === "token") hasToken = true;
      hash.of(key);
      lows[i] = hash.low ^ policy.low;
      highs[i] = hash.high ^ policy.high;
      const at = table.find(lows[i] as number, highs[i] as number);
      places[i] = at;
      tats[i] = at < 0 ? Number.NEGATIVE_INFINITY : standing(policy.rule, table.time(at), now);
      if (at >= 0 && tats[i] !== table.time(at)) table.set(at, tats[i] as number);
      if (wait(policy.rule, tats[i] as number, now) > 0) isOver = true;
    }
    if (isOver) return false;
    // Known keys first: a new one may move the others about.
    for (let i = 0; i < policies.length; i++) {
      if (places[i] === -2) continue;
      tats[i] = take((policies[i] as Policy).rule, tats[i] as number, now);
      if ((places[i] as number) >= 0) table.set(places[i] as number, tats[i] as number);
    }
    for (let i = 0; i < policies.length; i++) {
      if (places[i] === -1) table.add(lows[i] as number, highs[i] as number, tats[i] as number, now);
    }
    return true;
  }

  const stage: Stage = (exchange, next) => {
    if (deny.size > 0 && contains(deny, exchange.address)) {
      denied++;
      countDenied();
      return refused(exchange, "denied", {
        status: 403,
        title: "Not from here",
        detail: "Requests from your network are not answered. If you think this is a mistake, please tell the shop.",
      });
    }
    if (allow.size > 0 && contains(allow, exchange.address)) {
      return exchange.path === challenge.path ? challenge.answer(exchange) : next(exchange);
    }
    const visitor = visitorOf(exchange);
    if (!takeFromAll(exchange, visitor)) return tooMany(exchange, exchange.atMs - startMs);
    const fields = fieldsToTell(exchange);
    if (exchange.path === challenge.path) return challenge.answer(exchange);
    if (exchange.route.challenge && !challenge.hasPass(exchange)) return challenge.demand(exchange);
    const isNew = hasVisitorPolicy && visitor === undefined;
    if ((fields === undefined && !isNew) || exchange.tunnel !== undefined) return next(exchange);
    return told(exchange, next, fields, isNew);
  };

  const charge: Limits["charge"] = (exchange, isPrivate) => {
    if (deny.size > 0 && contains(deny, exchange.address)) return undefined;
    if (exchange.path === challenge.path) return undefined;
    if (allow.size > 0 && contains(allow, exchange.address)) return noFields;
    if (exchange.route.challenge) return undefined;
    const visitor = visitorOf(exchange);
    if (isPrivate && hasVisitorPolicy && visitor === undefined) return undefined;
    if (!takeFromAll(exchange, visitor)) return undefined;
    const fields = fieldsToTell(exchange);
    return fields === undefined ? noFields : written(fields);
  };

  /** The answer with the fields that it carries, and with a cookie for a visitor who has none. */
  function told(exchange: Exchange, next: Next, fields: LimitFields | undefined, isNew: boolean): Answer {
    const finish = (response: Response): Response => {
      const changed = fields === undefined ? [] : written(fields);
      // Only where no shared cache may keep the answer: a cookie kept there would make one visitor of many.
      if (isNew && isPrivate(response.headers.get("cache-control"))) {
        changed.push(["set-cookie", visitors.cookie(deps.newId(), exchange.scheme === "https")]);
      }
      return withFields(response, changed);
    };
    const answer = next(exchange);
    return answer instanceof Promise ? answer.then(finish) : finish(answer);
  }

  /** Of the request under way, from the arrays. */
  function limitFields(now: number): LimitFields {
    const items: string[] = [];
    const limits: string[] = [];
    for (let i = 0; i < policies.length; i++) {
      if (places[i] === -2) continue;
      const { name, rule, item } = policies[i] as Policy;
      const tat = tats[i] as number;
      const waitMs = wait(rule, tat, now);
      // Until there is one more than now: at most the interval.
      const untilMs = waitMs > 0 ? waitMs : Math.min(rule.intervalMs, Math.max(0, tat - now));
      items.push(item);
      limits.push(`"${name}";r=${remaining(rule, tat, now)};t=${Math.ceil(untilMs / 1000)}`);
    }
    return { policy: items.join(", "), limit: limits.join(", ") };
  }

  function tooMany(exchange: Exchange, now: number): Response {
    const violated: string[] = [];
    let waitMs = 0;
    for (let i = 0; i < policies.length; i++) {
      if (places[i] === -2) continue;
      const policy = policies[i] as Policy;
      const ms = wait(policy.rule, tats[i] as number, now);
      if (ms === 0) continue;
      policy.countRefused();
      violated.push(policy.name);
      waitMs = Math.max(waitMs, ms);
    }
    const fields = limitFields(now);
    const seconds = Math.max(1, Math.ceil(waitMs / 1000));
    return refused(exchange, violated.join(" "), {
      status: 429,
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
      title: "Too many requests",
      detail: `More requests came from you than can be answered. Please wait ${seconds === 1 ? "a second" : `${seconds} seconds`} and try again.`,
      retryAfterSeconds: seconds,
      members: { "violated-policies": violated },
      headers: { "ratelimit-policy": fields.policy, ratelimit: fields.limit },
    });
  }

  function refused(exchange: Exchange, why: string, refusal: Parameters<typeof refuse>[1]): Response {
    exchange.notes.answeredBy = "limits";
    exchange.notes.refused = why;
    return refuse(exchange, refusal);
  }

  return {
    stage,
    charge,
    configure,
    stats: () => ({
      keys: table.size,
      keyBytes: table.bytes,
      keysForgotten: table.forgotten,
      denied,
      refused: Object.fromEntries(refusedOf),
      challenge: challenge.stats(),
    }),
  };
}

/**
 * An answer on its way belongs to the stage that holds it, so its fields are written in place: a copy would turn a body
 * of known length into a stream. Only an answer whose fields cannot be written is copied.
 */
export function withFields(response: Response, fields: readonly (readonly [string, string])[]): Response {
  if (fields.length === 0) return response;
  let to = response;
  for (const [name, value] of fields) {
    try {
      write(to.headers, name, value);
    } catch (error) {
      if (to !== response || !(error instanceof TypeError)) throw error;
      to = new Response(response.body, {
        status: response.status,
        statusText: response.statusText,
        headers: new Headers(response.headers),
      });
      write(to.headers, name, value);
    }
  }
  return to;
}

function write(headers: Headers, name: string, value: string): void {
  if (name === "set-cookie" || name === "server-timing") headers.append(name, value);
  else headers.set(name, value);
}
