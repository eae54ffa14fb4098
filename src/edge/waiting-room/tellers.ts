/**
 * Those who asked to be told: that their turn is near, once, after which their address is forgotten; or that something came back, in the order in which
 * they asked. Addresses stay with the edge that was asked, in its book, and anybody can have theirs deleted by the link in the e-mail.
 *
 * asked -> (the turn is near | the operator says that something is back) -> told -> forgotten (turn), or kept as told (restock)
 */
import type { Room } from "#contract/waiting-room.ts";
import { landingOf } from "./landing.ts";
import type { Line } from "./line.ts";
import { range, valueAt } from "./panel.ts";
import type { RoomKeys, RoomMail, TellerBook } from "./ports.ts";
import { isBeside } from "./room-places.ts";

export type About = "turn" | "restock";

export type Asked = {
  readonly about: About;
  readonly email: string;
  /** Of the place; 0 for one without a number. */
  readonly seq: number;
  readonly atMs: number;
  /** "https://shop.example": where the link in the e-mail leads. */
  readonly base: string;
  readonly toldAtMs?: number;
};

export type Tellers = {
  add(asked: Asked): Promise<"added" | "known" | "full" | "wrong">;
  /** By the name in an e-mail's link; false when there is none of it. */
  forget(name: string): Promise<boolean>;
  /** In the order of asking. */
  list(about: About): Promise<readonly Asked[]>;
  /** Writes to the first so many who have not been told of a restock. How many were written to. */
  tellRestock(count: number): Promise<number>;
  forgetAll(): Promise<void>;
  counts(): Readonly<Record<About, number>>;
  stop(): void;
};

export type TellersDeps = {
  readonly line: Pick<Line, "now" | "rankOf" | "aheadOf">;
  readonly keys: Pick<RoomKeys, "sha256" | "deriveEach">;
  readonly mail: RoomMail | undefined;
  readonly book: TellerBook;
  readonly now: () => number;
  readonly later: (ms: number, run: () => void) => () => void;
  readonly report: (error: unknown) => void;
};

const askedMax = 200_000;
const lookMs = 5000;
/** Written to in one look, so that a step of the line does not send ten thousand at once. */
const mailsPerLook = 50;
const triesMax = 5;
/** The turn is near when it is expected within this. */
const nearSeconds = 300;

/** What SMTP and people agree is an address; whether it exists is told by writing to it. */
const address = /^[^\s@<>,;:"()[\]\\]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?$/i;

export function createTellers(room: Room, deps: TellersDeps): Tellers {
  const { line } = deps;
  const [newest, ...older] = deps.keys.deriveEach("e-mail links") as [Uint8Array, ...Uint8Array[]];
  const text = new TextEncoder();
  const nameOf = ({ about, email }: Pick<Asked, "about" | "email">, secret = newest): string =>
    deps.keys
      .sha256(secret, text.encode(`${room.id} ${about} ${email}`))
      .slice(0, 16)
      .toHex();

  let all: Map<string, Asked> | undefined;
  /** By names that links of e-mails have which were sent before the secret was taken over by another. */
  const olderNames = new Map<string, string>();
  const tries = new Map<string, number>();
  let isStopped = false;
  /** Changes of the book follow each other. */
  let last: Promise<unknown> = Promise.resolve();

  async function read(): Promise<Map<string, Asked>> {
    if (all !== undefined) return all;
    const lines = await deps.book.read(room.id);
    if (all === undefined) {
      all = new Map();
      for (const one of lines) {
        const asked = parsed(one);
        if (asked === undefined) continue;
        const name = nameOf(asked);
        all.set(name, asked);
        for (const secret of older) olderNames.set(nameOf(asked, secret), name);
      }
    }
    return all;
  }

  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
  const write = async (asked: Map<string, Asked>): Promise<void> =>
    await deps.book.replace(
      room.id,
      [...asked.values()].map((one) => JSON.stringify(one)),
    );

  async function look(): Promise<void> {
    const { mail } = deps;
    if (mail === undefined || !room.emails) return;
    const asked = await read();
    const told: string[] = [];
    for (const [name, one] of asked) {
      if (told.length >= mailsPerLook || isStopped) break;
      const words = one.about === "turn" ? turnNear(one) : undefined;
      if (words === undefined) continue;
      if (await sent(mail, name, one, words)) told.push(name);
    }
    if (told.length === 0) return;
    await inTurn(async () => {
      for (const name of told) asked.delete(name);
      await write(asked);
    });
  }

  /** True when nothing more is to be tried: it was sent, or never can be. */
  async function sent(mail: RoomMail, name: string, one: Asked, words: Words): Promise<boolean> {
    try {
      await mail.send({ to: one.email, subject: words.subject, text: `${words.text}\n\n${goodbye(room, one, name)}` });
      tries.delete(name);
      return true;
    } catch (error) {
      const failed = (tries.get(name) ?? 0) + 1;
      if (failed >= triesMax) {
        tries.delete(name);
        deps.report(error);
        return true;
      }
      tries.set(name, failed);
      return false;
    }
  }

  function turnNear(one: Asked): Words | undefined {
    const now = line.now();
    if (one.seq === 0 || isBeside(one.seq) || (now.phase !== "open" && now.phase !== "draining")) return undefined;
    const rank = line.rankOf(one.seq);
    if (rank === undefined) return undefined;
    const ahead = line.aheadOf(rank);
    const low = valueAt(now.waitLowSeconds, ahead);
    const high = valueAt(now.waitHighSeconds, ahead);
    const isCalled = rank <= now.cursor;
    if (!isCalled && (low === null || high === null || low > nearSeconds)) return undefined;
    const title = room.title ?? "the sale";
    const when = isCalled || low === null || high === null ? "now" : `in ${range([low, high])}`;
    return {
      subject: isCalled ? `It is your turn: ${title}` : `Your turn is near: ${title}`,
      text: `${isCalled ? "It is your turn. Your place stays yours, also when you come later." : `Your turn is expected ${when}.`}\n\nOpen it in the browser that you waited in, where your place is kept:\n${one.base}${landingOf(room)}`,
    };
  }

  function begin(): void {
    deps.later(lookMs, () => {
      if (isStopped) return;
      look().catch(deps.report).finally(begin);
    });
  }
  begin();

  return {
    add: async (asked) =>
      await inTurn(async () => {
        if (asked.email.length > 254 || !address.test(asked.email)) return "wrong";
        const known = await read();
        const name = nameOf(asked);
        if (known.has(name)) return "known";
        if (known.size >= askedMax) return "full";
        await deps.book.append(room.id, JSON.stringify(asked));
        known.set(name, asked);
        return "added";
      }),

    forget: async (name) =>
      await inTurn(async () => {
        const asked = await read();
        if (!asked.delete(name) && !asked.delete(olderNames.get(name) ?? "")) return false;
        await write(asked);
        return true;
      }),

    list: async (about) => [...(await read()).values()].filter((one) => one.about === about),

    async tellRestock(count) {
      const { mail } = deps;
      if (mail === undefined) return 0;
      const asked = await read();
      const told: [string, Asked][] = [];
      for (const [name, one] of asked) {
        if (told.length >= count) break;
        if (one.about !== "restock" || one.toldAtMs !== undefined) continue;
        const title = room.title ?? "What you waited for";
        const words = {
          subject: `Back: ${title}`,
          text: `${title} is back. You asked to be told, and you are told in the order of asking.\n\n${one.base}${landingOf(room)}`,
        };
        if (await sent(mail, name, one, words)) told.push([name, { ...one, toldAtMs: deps.now() }]);
      }
      if (told.length > 0)
        await inTurn(async () => {
          for (const [name, one] of told) if (asked.has(name)) asked.set(name, one);
          await write(asked);
        });
      return told.length;
    },

    forgetAll: async () =>
      await inTurn(async () => {
        (await read()).clear();
        await deps.book.replace(room.id, []);
      }),

    counts: () => {
      const counts = { turn: 0, restock: 0 };
      for (const { about } of all?.values() ?? []) counts[about]++;
      return counts;
    },
    stop() {
      isStopped = true;
    },
  };
}

type Words = { readonly subject: string; readonly text: string };

const goodbye = (room: Room, { base }: Asked, name: string): string =>
  `You get this because this address was left on the shop's waiting page. Have it deleted: ${base}/.spillway/rooms/${room.id}/forget?mail=${name}`;

function parsed(line: string): Asked | undefined {
  try {
    const value = JSON.parse(line) as Partial<Asked>;
    const { about, email, seq, atMs, base } = value;
    return (about === "turn" || about === "restock") &&
      typeof email === "string" &&
      typeof seq === "number" &&
      typeof atMs === "number" &&
      typeof base === "string"
      ? (value as Asked)
      : undefined;
  } catch {
    return undefined;
  }
}
