/**
 * Sales that run out, from seeds: people who come or do not, buy or do not, one unit or several, quickly or slowly; conversion that differs from front
 * to back; payments that fail and give their units back. At many moments the chance is asked for people at many distances, and whether something was left when each
 * of them would have ordered is found out later.
 */
import { createOdds } from "#edge/waiting-room/odds.ts";
import { createDice } from "../../kit/dice.ts";

export type Asked = {
  readonly seed: number;
  readonly chance: number;
  /** What a plain rule says: something is left when there are more units than people ahead. */
  readonly naive: number;
  wasLeft: boolean | undefined;
};

export function playSale(seed: number): Asked[] {
  const dice = createDice(seed * 104_729 + 3);
  const stock = Math.round(dice.logBetween(40, 4000));
  const conversionAtFront = dice.between(0.12, 0.95);
  const conversionAtBack = Math.min(0.98, Math.max(0.05, conversionAtFront * Math.exp(dice.normal() * 0.25)));
  const showingAtFront = dice.between(0.35, 1);
  const showingAtBack = Math.min(1, Math.max(0.2, showingAtFront * Math.exp(dice.normal() * 0.12)));
  const unitsMore = dice.chance(0.4) ? 0 : dice.between(0.05, 1.2);
  const unitsMost = dice.pick([2, 4, 10]);
  const delaySeconds = dice.logBetween(25, 300);
  // From those who order at once or never end, to those who all take as long.
  const steps = dice.pick([1, 2, 3, 6]);
  const delayOf = (): number => {
    let seconds = 0;
    for (let step = 0; step < steps; step++) seconds += dice.exponential(delaySeconds / steps);
    return seconds;
  };
  const failing = dice.between(0, 0.08);
  const outflowPerSecond = dice.logBetween(0.5, 40);
  const wantedEach = ((conversionAtFront + conversionAtBack) / 2) * showingAtFront * (1 + unitsMore);
  const waiting = Math.round((stock / wantedEach) * dice.between(0.6, 3)) + 20;

  type Event = { readonly second: number; readonly act: () => void };
  const events = new Map<number, (() => void)[]>();
  const at = (event: Event): void => {
    const second = Math.max(Math.ceil(event.second), now + 1);
    events.set(second, [...(events.get(second) ?? []), event.act]);
  };

  const odds = createOdds();
  const asked: Asked[] = [];
  /** Asked about the person with this rank, found out when they would have ordered. */
  const waitingFor = new Map<number, Asked[]>();
  let now = 0;
  let [called, admitted, orders, units] = [0, 0, 0, 0];
  let [remaining, held, sold] = [stock, 0, 0];
  let [shownLately, calledLately] = [7, 10];
  let due = 0;
  let quiet = 0;

  const wants = (rank: number): void => {
    const share = rank / waiting;
    if (!dice.chance(conversionAtFront + (conversionAtBack - conversionAtFront) * share)) return;
    at({ second: now + delayOf(), act: () => order(1 + Math.min(unitsMost - 1, dice.poisson(unitsMore))) });
  };
  const order = (wanted: number): void => {
    const got = Math.min(wanted, remaining);
    if (got === 0) return;
    remaining -= got;
    held += got;
    orders += 1;
    units += got;
    const fails = dice.chance(failing);
    at({
      second: now + dice.exponential(20) + 2,
      act: () => {
        held -= got;
        if (fails) remaining += got;
        else sold += got;
      },
    });
  };
  const findOut = (rank: number): void => {
    const about = waitingFor.get(rank);
    if (about === undefined) return;
    waitingFor.delete(rank);
    at({
      second: now + delayOf(),
      act: () => {
        for (const one of about) one.wasLeft = remaining > 0;
      },
    });
  };

  for (now = 1; now < 8 * 3600 && (called < waiting || quiet < 4 * delaySeconds + 120); now++) {
    for (const act of events.get(now) ?? []) act();
    events.delete(now);
    due += outflowPerSecond;
    while (due >= 1 && called < waiting) {
      called += 1;
      const showing = showingAtFront + (showingAtBack - showingAtFront) * (called / waiting);
      // Somebody asked about comes for certain: their chance is one of those who come.
      const comes = waitingFor.has(called) || dice.chance(showing);
      calledLately = calledLately * 0.995 + 1;
      shownLately = shownLately * 0.995 + (comes ? 1 : 0);
      findOut(called);
      if (!comes) continue;
      due -= 1;
      admitted += 1;
      wants(called);
    }
    if (called >= waiting) quiet += 1;
    odds.observe({
      roomMs: now * 1000,
      admitted,
      orders,
      units,
      stock: { remaining, held, sold },
      showing: shownLately / calledLately,
    });
    if (now % Math.max(5, Math.round(waiting / outflowPerSecond / 12)) === 3 && remaining > 0) {
      for (let step = 0; step < 10; step++) {
        const ahead = Math.floor(dice.next() * (waiting - called));
        const rank = called + ahead + 1;
        if (rank > waiting) continue;
        const one: Asked = {
          seed,
          chance: odds.chanceFor(ahead),
          naive: remaining > ahead ? 1 : 0,
          wasLeft: undefined,
        };
        asked.push(one);
        waitingFor.set(rank, [...(waitingFor.get(rank) ?? []), one]);
      }
    }
  }
  return asked.filter(({ wasLeft }) => wasLeft !== undefined);
}

/** Mean squared distance of what was said from what came (Brier 1950): 0 is perfect, 0.25 is a coin. */
export const brierOf = (asked: readonly Asked[], say: (one: Asked) => number): number =>
  asked.reduce((sum, one) => sum + (say(one) - (one.wasLeft === true ? 1 : 0)) ** 2, 0) / asked.length;
