/**
 * A room in memory that does nothing wrong, or exactly the wrongs that it is told to do: with it the kit is shown to find what it looks for. It is no
 * waiting room to use: it knows one process, trusts everybody and forgets everything.
 */
import type {
  Capability,
  Claimed,
  RoomConfig,
  RunningRoom,
  Seen,
  Shopper,
  WaitingRoomUnderTest,
} from "./room-under-test.ts";

export type Wrong =
  | "duplicate-ranks"
  | "ranks-move-back"
  | "over-admits"
  | "head-of-line-blocked"
  | "last-come-first"
  | "draw-is-arrival"
  | "receipt-of-another-rank"
  | "tab-loses-place"
  | "both-devices"
  | "copies-multiply"
  | "band-too-narrow"
  | "loses-everybody"
  | "clock-admits"
  | "one-document-each"
  | "sells-hope";

type Ticket = Shopper & { rank: number; readonly number: number; generation: number; isIn: number };

export function wrongRoom(wrongs: readonly Wrong[] = []): WaitingRoomUnderTest {
  const does = (wrong: Wrong): boolean => wrongs.includes(wrong);
  const can: readonly Capability[] = [
    ...(["places", "expected-time", "pre-queue", "draw-receipts", "reopen-tab", "move-device", "copy-ticket"] as const),
    ...(["lose-store", "skew-clock", "change-outflow", "stock", "shared-document"] as const),
  ];
  return {
    name: wrongs.length === 0 ? "nothing wrong" : wrongs.join(", "),
    can: new Set(can),
    start: async (config) => start(config, does),
  };
}

function start(config: RoomConfig, does: (wrong: Wrong) => boolean): RunningRoom {
  const startedAtMs = performance.now();
  const opensAtMs = startedAtMs + config.opensInSeconds * 1000;
  let skewMs = 0;
  let perMinute = config.outflowPerMinute;
  const tickets: Ticket[] = [];
  const looked = new Map<number, number>();
  const generations = new Map<number, number>();
  let admitted = 0;
  let tokens = 1;
  let refilledAtMs = opensAtMs;
  let soldOut = false;
  let isDrawn = config.opensInSeconds === 0;

  const nowMs = (): number => performance.now() + (does("clock-admits") ? skewMs : 0);
  function refill(): void {
    const atMs = nowMs();
    const gained = (Math.max(0, atMs - refilledAtMs) / 60_000) * perMinute * (does("over-admits") ? 2 : 1);
    tokens = Math.min(does("over-admits") || does("clock-admits") ? 1e9 : perMinute / 60 + 1, tokens + gained);
    refilledAtMs = Math.max(refilledAtMs, atMs);
    if (!isDrawn && performance.now() >= opensAtMs) draw();
  }
  function draw(): void {
    isDrawn = true;
    if (does("draw-is-arrival")) return;
    const ranks = tickets.map(({ rank }) => rank);
    // 7 and the next prime that does not divide the count: an order that is not that of arrival, and no luck at all.
    const step = [17, 19, 23].find((prime) => ranks.length % prime !== 0) ?? 1;
    for (const [at, ticket] of tickets.entries()) ticket.rank = 1 + ((at * step + 7) % ranks.length);
  }
  /** Ahead are those who are not in and look; where the line is blocked, those who never look, too. */
  const aheadOf = (ticket: Ticket): number => {
    const freshMs = performance.now() - 2500;
    return tickets.filter(
      (other) =>
        other.isIn === 0 &&
        (does("last-come-first") ? other.rank > ticket.rank : other.rank < ticket.rank) &&
        (does("head-of-line-blocked") || (looked.get(other.number) ?? 0) > freshMs),
    ).length;
  };
  /** Whoever is near enough is called and takes an admission when there is one: more are called than can go in at once. */
  const isCalled = (ticket: Ticket): boolean => {
    refill();
    return isDrawn && performance.now() >= opensAtMs && aheadOf(ticket) < Math.max(1, tokens);
  };
  const real = (shopper: Shopper): Ticket => shopper as Ticket;
  const isGone = (ticket: Ticket): boolean =>
    !does("both-devices") && ticket.generation < (generations.get(ticket.number) ?? 0);
  const original = (ticket: Ticket): Ticket => tickets.find(({ number }) => number === ticket.number) ?? ticket;
  const least = new Map<number, number>();

  return {
    async join() {
      refill();
      const number = tickets.length + 1;
      const rank = does("duplicate-ranks") && number % 10 === 0 ? number - 1 : number;
      const ticket: Ticket = { id: `${number}`, number, rank, generation: 0, isIn: 0 };
      tickets.push(ticket);
      looked.set(number, performance.now());
      return ticket;
    },
    async look(shopper): Promise<Seen> {
      const ticket = real(shopper);
      const place = original(ticket);
      if (isGone(ticket))
        return { state: "moved", place: null, rank: null, ahead: null, waitSeconds: null, chance: null };
      looked.set(ticket.number, performance.now());
      if (does("ranks-move-back")) place.rank += Math.random() < 0.02 ? 1 : 0;
      const called = isCalled(place);
      // Who comes back after a while is again counted ahead of others; what they were told stays.
      const ahead = does("ranks-move-back")
        ? aheadOf(place)
        : Math.min(aheadOf(place), least.get(ticket.number) ?? 1e9);
      least.set(ticket.number, ahead);
      const each = 60 / perMinute;
      const wait = does("band-too-narrow")
        ? ([ahead * each * 3, ahead * each * 3.01] as const)
        : ([0, ahead * each * 2 + 3] as const);
      const state =
        soldOut && !does("sells-hope")
          ? "sold-out"
          : place.isIn > 0 && ticket === place
            ? "admitted"
            : called
              ? "your-turn"
              : "waiting";
      const rank = isDrawn ? place.rank : null;
      return {
        state,
        place: `${ticket.number}`,
        rank,
        ahead: isDrawn ? ahead : null,
        waitSeconds: isDrawn ? wait : null,
        chance: config.hasStock ? 0.5 : null,
      };
    },
    async claim(shopper): Promise<Claimed> {
      const ticket = real(shopper);
      const place = original(ticket);
      if (isGone(ticket) || !isCalled(place) || soldOut) return { isAdmitted: false, admission: null };
      if (place.isIn > 0 && !does("copies-multiply")) return { isAdmitted: true, admission: `${place.number}` };
      if (tokens < 1) return { isAdmitted: false, admission: null };
      tokens -= 1;
      place.isIn += 1;
      admitted += 1;
      return {
        isAdmitted: true,
        admission: place.isIn === 1 ? `${place.number}` : `${place.number} again ${place.isIn}`,
      };
    },
    reopenTab: async (shopper) => (does("tab-loses-place") ? await joinAgain() : shopper),
    async moveDevice(shopper) {
      const ticket = real(shopper);
      const generation = ticket.generation + 1;
      generations.set(ticket.number, generation);
      return { ...ticket, generation };
    },
    copyTicket: async (shopper) => ({ ...real(shopper) }),
    async loseStore() {
      if (!does("loses-everybody")) return;
      for (const [at, ticket] of tickets.toReversed().entries()) ticket.rank = at + 1;
    },
    async skewClock(seconds) {
      skewMs += seconds * 1000;
    },
    async changeOutflow(next) {
      refill();
      perMinute = next;
    },
    async tellStock({ remaining, held }) {
      soldOut = remaining === 0 && held === 0;
    },
    sharedDocument: async () => ({
      isShared: !does("one-document-each"),
      bytes: does("one-document-each") ? 100 * tickets.length : 900,
      againNearSeconds: 2,
      againFarSeconds: 60,
    }),
    brokenInReceipt: async () => (does("receipt-of-another-rank") ? ["the rank is another's"] : []),
    admittedCount: async () => admitted,
    stop: async () => {},
  };

  async function joinAgain(): Promise<Shopper> {
    const number = tickets.length + 1;
    const ticket: Ticket = { id: `${number}`, number, rank: number, generation: 0, isIn: 0 };
    tickets.push(ticket);
    return ticket;
  }
}
