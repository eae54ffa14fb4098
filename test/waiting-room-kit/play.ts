/**
 * Plays a scenario against a room: people come, look every second, claim when it is their turn, and everything that they see is written down with its
 * time. Nothing is judged here; judge.ts does that from what was written.
 */
import type { Capability, Claimed, Seen, SharedDocument, Shopper, WaitingRoomUnderTest } from "./room-under-test.ts";
import type { Scenario, Step } from "./scenario.ts";

export type Person = {
  readonly group: string;
  readonly isGhost: boolean;
  readonly joinedAtMs: number;
  shopper: Shopper;
  readonly seen: (Seen & { readonly atMs: number })[];
  admitted: { readonly atMs: number; readonly admission: string | null } | undefined;
  isAway: boolean;
  /** The person whose place this device took over, or whose ticket this is a copy of. */
  readonly from?: { readonly person: Person; readonly by: "moving" | "copying" };
  /** After the place moved on: what the old device is told, and whether it is let in all the same. */
  left: { readonly state: Seen["state"]; readonly isAdmitted: boolean } | undefined;
};

export type Played = {
  readonly scenario: Scenario;
  readonly people: readonly Person[];
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** The outflow from each moment on. */
  readonly outflow: readonly (readonly [fromMs: number, perMinute: number])[];
  readonly documents: readonly SharedDocument[];
  readonly receipts: readonly { readonly person: Person; readonly broken: readonly string[] }[];
  readonly lostAtMs: number | undefined;
  readonly soldOutAtMs: number | undefined;
  readonly admittedCount: number | undefined;
  /** Requests that failed. */
  readonly failures: number;
};

const lookEveryMs = 1000;
const atOnceMax = 40;

export const missingFor = (room: WaitingRoomUnderTest, scenario: Scenario): Capability[] =>
  scenario.needs.filter((need) => !room.can.has(need));

export async function play(under: WaitingRoomUnderTest, scenario: Scenario): Promise<Played> {
  const room = await under.start(scenario.room);
  const people: Person[] = [];
  const outflow: [number, number][] = [[performance.now(), scenario.room.outflowPerMinute]];
  const documents: SharedDocument[] = [];
  const receipts: { person: Person; broken: readonly string[] }[] = [];
  const startedAtMs = performance.now();
  let lostAtMs: number | undefined;
  let soldOutAtMs: number | undefined;
  let failures = 0;

  const of = (group: string): Person[] => people.filter((person) => person.group === group);

  async function look(person: Person): Promise<void> {
    const { shopper } = person;
    const seen = await room.look(shopper).catch(() => undefined);
    if (seen === undefined) {
      failures += 1;
      return;
    }
    const atMs = performance.now();
    person.seen.push({ ...seen, atMs });
    if (seen.state === "admitted") person.admitted ??= { atMs, admission: seen.place };
    else if (seen.state === "your-turn" || seen.state === "at-the-door") {
      const claimed = await room.claim(shopper).catch((): Claimed | undefined => undefined);
      if (claimed === undefined) failures += 1;
      else if (claimed.isAdmitted) person.admitted ??= { atMs: performance.now(), admission: claimed.admission };
    }
  }

  async function visit(person: Person, index: number, untilMs: number): Promise<void> {
    await Bun.sleep((index * 37) % lookEveryMs);
    while (performance.now() < untilMs) {
      const nextMs = performance.now() + lookEveryMs;
      if (person.isAway || person.admitted !== undefined || person.left !== undefined) return;
      await look(person);
      await Bun.sleep(Math.max(0, Math.min(nextMs, untilMs) - performance.now()));
    }
  }

  const add = (shopper: Shopper, more: Partial<Person> & { readonly group: string }): Person => {
    const person: Person = {
      isGhost: false,
      joinedAtMs: performance.now(),
      shopper,
      seen: [],
      admitted: undefined,
      isAway: false,
      left: undefined,
      ...more,
    };
    people.push(person);
    return person;
  };

  async function act(step: Step): Promise<void> {
    switch (step.do) {
      case "join": {
        const ghosts = Math.round((step.ghosts ?? 0) * step.count);
        await inTurns(step.count, async (at) => {
          // Evenly between the others, and not all of them at one end.
          const isGhost = Math.floor(((at + 1) * ghosts) / step.count) > Math.floor((at * ghosts) / step.count);
          const person = add(await room.join(), { group: step.group, isGhost });
          await look(person);
          if (isGhost) person.isAway = true;
        });
        return;
      }
      case "wait": {
        const untilMs = performance.now() + step.seconds * 1000;
        await Promise.all(people.map((person, index) => visit(person, index, untilMs)));
        await Bun.sleep(Math.max(0, untilMs - performance.now()));
        return;
      }
      case "close-tab":
        for (const person of of(step.group)) person.isAway = true;
        return;
      case "reopen-tab":
        for (const person of of(step.group)) {
          if (person.admitted !== undefined || room.reopenTab === undefined) continue;
          person.shopper = await room.reopenTab(person.shopper);
          person.isAway = false;
        }
        return;
      case "move-device":
        for (const person of of(step.group)) {
          if (person.admitted !== undefined || room.moveDevice === undefined) continue;
          add(await room.moveDevice(person.shopper), {
            group: `${step.group}, other device`,
            from: { person, by: "moving" },
          });
          const seen = await room.look(person.shopper);
          const claimed = await room.claim(person.shopper);
          person.left = { state: seen.state, isAdmitted: claimed.isAdmitted };
        }
        return;
      case "copy-ticket":
        for (const person of of(step.group)) {
          for (let copy = 0; copy < step.copies && room.copyTicket !== undefined; copy++)
            add(await room.copyTicket(person.shopper), {
              group: `${step.group}, copied`,
              from: { person, by: "copying" },
            });
        }
        return;
      case "lose-store":
        lostAtMs = performance.now();
        await room.loseStore?.();
        return;
      case "skew-clock":
        await room.skewClock?.(step.seconds);
        return;
      case "change-outflow":
        await room.changeOutflow?.(step.perMinute);
        outflow.push([performance.now(), step.perMinute]);
        return;
      case "tell-stock":
        await room.tellStock?.(step);
        if (step.remaining === 0 && step.held === 0) soldOutAtMs = performance.now();
        return;
      case "read-document": {
        const document = await room.sharedDocument?.();
        if (document !== undefined) documents.push(document);
        return;
      }
      case "check-receipts":
        for (const person of people) {
          if (room.brokenInReceipt !== undefined)
            receipts.push({ person, broken: await room.brokenInReceipt(person.shopper) });
        }
    }
  }

  try {
    for (const step of scenario.steps) await act(step);
    // The old devices once more, now that turns have come.
    for (const person of people) {
      if (person.left === undefined || person.left.isAdmitted) continue;
      const claimed = await room.claim(person.shopper);
      person.left = { ...person.left, isAdmitted: claimed.isAdmitted };
    }
    const admittedCount = await room.admittedCount?.();
    const endedAtMs = performance.now();
    return {
      scenario,
      people,
      startedAtMs,
      endedAtMs,
      outflow,
      documents,
      receipts,
      lostAtMs,
      soldOutAtMs,
      admittedCount,
      failures,
    };
  } finally {
    await room.stop();
  }
}

async function inTurns(count: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await run(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, count) }, worker));
}
