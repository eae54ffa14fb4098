/**
 * A proof of work for chosen routes: whoever wants in lets a machine count for a moment. One person does not notice;
 * somebody who wants in ten thousand times pays for it.
 *
 * ALTCHA's first format (altcha.org: { algorithm, challenge, maxnumber, salt, signature }), which its public widget
 * solves: find the number whose SHA-256 with the salt is the challenge. Its second format asks for key derivations, which
 * cost a server that is besieged as much as they cost the besiegers; here issuing and checking are two short hashes.
 *
 * issued -> (a right answer in time, for the first time) -> a pass, for as long as `passSeconds`
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Signer } from "#kernel/signer.ts";
import type { Exchange } from "../exchange.ts";
import type { Meter } from "../ports.ts";
import { solvingPage } from "./challenge-page.ts";
import { refuse, wantsPage } from "./refusal.ts";
import { cookieValue, setCookie, type Visitors } from "./visitor.ts";

export type ChallengeDeps = {
  readonly signer: Signer;
  readonly newId: () => string;
  readonly meter: Meter;
  readonly visitors: Visitors;
};

export type AltchaChallenge = {
  readonly algorithm: "SHA-256";
  readonly challenge: string;
  readonly maxnumber: number;
  readonly salt: string;
  readonly signature: string;
};

const passName = "spillway_pass";
const solutionBytesMax = 4096;
/** Solutions remembered for each span of `validSeconds`; with two spans at about 100 bytes each, 50 MB at the very most. */
const usedMax = 250_000;

type Failure = "wrong" | "expired" | "used" | "full";
type Outcome = "issued" | "passed" | Failure;

export type Challenge = {
  readonly path: string;
  configure(settings: EdgeConfig["limits"]["challenge"]): void;
  /** Requests for `path`: GET issues, POST takes a solution. */
  answer(exchange: Exchange): Promise<Response>;
  hasPass(exchange: Exchange): boolean;
  /** To a request without a pass: a page that solves one, or problem details that carry one. */
  demand(exchange: Exchange): Promise<Response>;
  stats(): Readonly<Record<string, number>>;
};

export function createChallenge(first: EdgeConfig["limits"]["challenge"], deps: ChallengeDeps): Challenge {
  const { signer, newId, visitors } = deps;
  const count = deps.meter.counter("spillway_edge_challenge_total", "Proof of work challenges.");
  const counts = new Map<Outcome, { inc: () => void; value: number }>();
  for (const outcome of ["issued", "passed", "wrong", "expired", "used", "full"] as const) {
    counts.set(outcome, { inc: count({ outcome }), value: 0 });
  }
  const path = "/.spillway/challenge";
  let settings = first;
  // Salts of solutions that were taken, this span's and the last one's: by then the challenge itself has expired.
  let used = new Set<string>();
  let usedBefore = new Set<string>();
  let spanEndsMs = 0;

  function tell(outcome: Outcome): void {
    const entry = counts.get(outcome);
    if (entry === undefined) return;
    entry.inc();
    entry.value++;
  }

  async function issue(nowMs: number): Promise<AltchaChallenge> {
    // The "&" keeps a number's digits from being moved into the salt and back, which would make two solutions of one.
    const salt = `${newId()}?expires=${Math.ceil(nowMs / 1000) + settings.validSeconds}&`;
    const challenge = await sha256(salt + secretNumber(salt));
    tell("issued");
    return { algorithm: "SHA-256", challenge, maxnumber: settings.maxNumber, salt, signature: signed(challenge) };
  }

  const signed = (challenge: string): string => signer.sign(`altcha ${challenge}`);

  /** Known to whoever has the key, so it needs no luck of its own; to everybody else it is a number like any other. */
  function secretNumber(salt: string): number {
    let number = 0;
    for (const sign of signer.sign(`altcha number ${salt}`).slice(0, 6)) number = number * 64 + base64url.indexOf(sign);
    return number % (settings.maxNumber + 1);
  }

  async function check(solution: Solution, nowMs: number): Promise<"passed" | Failure> {
    const expires = /^[\w-]{16,64}\?expires=(\d{1,12})&$/.exec(solution.salt)?.[1];
    if (expires === undefined || !signer.verify(`altcha ${solution.challenge}`, solution.signature)) return "wrong";
    if ((await sha256(solution.salt + solution.number)) !== solution.challenge) return "wrong";
    // From here on nothing is awaited: of two that bring the same solution at once, one is the first.
    const validMs = settings.validSeconds * 1000;
    const leftMs = Number(expires) * 1000 - nowMs;
    // One with more time left than any gets now was issued under other settings, and would outlive our memory of it.
    if (leftMs < 0 || leftMs > validMs + 1000) return "expired";
    // Or the clock was set back by so much that the span would not end for long.
    if (nowMs >= spanEndsMs || nowMs < spanEndsMs - 2 * (validMs + 1000)) {
      usedBefore = used;
      used = new Set();
      spanEndsMs = nowMs + validMs + 1000;
    }
    if (used.has(solution.salt) || usedBefore.has(solution.salt)) return "used";
    if (used.size >= usedMax) return "full";
    used.add(solution.salt);
    return "passed";
  }

  function passSigned(expires: string, visitor: string): string {
    return `pass ${expires} ${visitor}`;
  }

  return {
    path,
    configure(next) {
      settings = next;
    },

    hasPass({ headers, atMs }) {
      const header = headers.get("cookie");
      const value = header === null ? undefined : cookieValue(header, passName);
      const dot = value?.indexOf(".") ?? -1;
      if (value === undefined || dot < 1 || dot > 12 || Number(value.slice(0, dot)) * 1000 <= atMs) return false;
      // A pass is good for the visitor that earned it, so one solution does not serve a thousand machines: together they
      // are one visitor, and count as one.
      const visitor = visitors.read(headers);
      return visitor !== undefined && signer.verify(passSigned(value.slice(0, dot), visitor), value.slice(dot + 1));
    },

    async demand(exchange) {
      exchange.notes.answeredBy = "limits";
      exchange.notes.refused = "challenge";
      const challenge = await issue(exchange.atMs);
      if (wantsPage(exchange)) return solvingPage(challenge, path, exchange.method === "GET", newId());
      return refuse(exchange, {
        status: 403,
        type: "urn:spillway:error:challenge_required",
        title: "A proof of work is wanted first",
        detail: `Solve the challenge, send the solution to ${path} by POST, and come back with the cookies that you get.`,
        members: { challenge },
      });
    },

    async answer(exchange) {
      exchange.notes.answeredBy = "limits";
      if (exchange.method === "GET" || exchange.method === "HEAD") {
        return new Response(JSON.stringify(await issue(exchange.atMs)), {
          headers: { "content-type": "application/json", "cache-control": "no-store" },
        });
      }
      if (exchange.method !== "POST") {
        return refuse(exchange, {
          status: 405,
          title: "Not this way",
          detail: "Ask for a challenge with GET and answer it with POST.",
          headers: { allow: "GET, HEAD, POST" },
        });
      }
      const text = await bodyText(exchange);
      const solution = text === undefined ? undefined : readSolution(text);
      const outcome = solution === undefined ? "wrong" : await check(solution, exchange.atMs);
      tell(outcome);
      if (outcome !== "passed") {
        exchange.notes.refused = `challenge ${outcome}`;
        return refuse(exchange, {
          status: outcome === "full" ? 503 : 400,
          title: "This solution does not open the page",
          detail: sentences[outcome],
          ...(outcome === "full" ? { retryAfterSeconds: 10 } : {}),
        });
      }
      const isSecure = exchange.scheme === "https";
      const known = visitors.read(exchange.headers);
      const visitor = known ?? newId();
      const expires = String(Math.ceil(exchange.atMs / 1000) + settings.passSeconds);
      const headers = new Headers({ "cache-control": "no-store" });
      if (known === undefined) headers.append("set-cookie", visitors.cookie(visitor, isSecure));
      const pass = `${expires}.${signer.sign(passSigned(expires, visitor))}`;
      headers.append("set-cookie", setCookie(passName, pass, settings.passSeconds, isSecure));
      return new Response(null, { status: 204, headers });
    },

    stats: () => Object.fromEntries([...counts].map(([outcome, { value }]) => [outcome, value])),
  };
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const sentences: Readonly<Record<Failure, string>> = {
  wrong: "It is not the solution of a challenge from here. Please reload the page that you came for.",
  expired: "The challenge has expired. Please reload the page that you came for, and it will ask again.",
  used: "It has been used before. Please reload the page that you came for, and it will ask again.",
  full: "Too many solutions are being checked just now. Please try again in a moment.",
};

type Solution = {
  readonly challenge: string;
  readonly number: number;
  readonly salt: string;
  readonly signature: string;
};

/** The widget sends base64 of JSON in a form's field `altcha`; a program may send the JSON as it is, or that field in JSON. */
function readSolution(text: string): Solution | undefined {
  try {
    let value: unknown;
    if (text.trimStart().startsWith("{")) {
      value = JSON.parse(text);
      const payload = (value as { altcha?: unknown }).altcha;
      if (typeof payload === "string") value = JSON.parse(atob(payload));
    } else value = JSON.parse(atob(new URLSearchParams(text).get("altcha") ?? text));
    const { algorithm, challenge, number, salt, signature } = value as Record<string, unknown>;
    return algorithm === "SHA-256" &&
      typeof challenge === "string" &&
      typeof number === "number" &&
      Number.isSafeInteger(number) &&
      number >= 0 &&
      typeof salt === "string" &&
      typeof signature === "string"
      ? { challenge, number, salt, signature }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined when it is longer than any solution is. */
async function bodyText({ request }: Exchange): Promise<string | undefined> {
  if (request === null || request.body === null) return undefined;
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of request.body) {
    bytes += chunk.byteLength;
    if (bytes > solutionBytesMax) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}
