/**
 * Three edges as processes of their own and a real Redis or Valkey; one of the edges is cut off in the worst moment, with admissions in its hands that it
 * wants to note. It spends them on those it knew, then holds, and tells when it is back. What can happen to a copied ticket meanwhile happens here.
 */
import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RoomState } from "#contract/edge-admin.ts";
import type { PlaceView } from "#contract/waiting-room.ts";
import { paceOf } from "#edge/waiting-room/rates.ts";
import { leaseGraceMs, leaseMs } from "#edge/waiting-room/report.ts";
import { createTokens } from "#edge/waiting-room/token.ts";
import { roomKeysOf } from "#roles/room-keys.ts";
import { startLossyWire } from "../kit/lossy-wire.ts";
import { hasRedis, startRedis } from "../kit/redis.ts";
import { freePort, startShop } from "../kit/running-shop.ts";

const outflowPerMinute = 600;
const secret = "the secret that the edges share";
const adminToken = "a-token-of-the-operator";
const folder = mkdtempSync(join(tmpdir(), "spillway-cut-off-"));
const passes = createTokens(roomKeysOf(createHash("sha256").update(secret).digest()), {
  kind: "pass",
  room: "drop",
  epoch: 1,
});

/** As the store is asked for it: EVAL, the script that writes (and ends a turn), one key. */
const writeOfPlaces = /HDEL[^$]*\$1\r\n1\r\n\$\d+\r\n\S*\/places\//;

const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

type Edge = { readonly url: string; readonly opsUrl: string };
type Person = { readonly place: string; readonly number: number };
type Admission = { readonly number: number; readonly edge: Edge; readonly atMs: number; readonly untilMs: number };

async function startEdge(name: string, storeUrl: string): Promise<Edge> {
  const file = join(folder, `${name}.json`);
  writeFileSync(
    file,
    JSON.stringify({
      upstreams: [{ url: "http://127.0.0.1:9" }],
      adminToken,
      limits: { policies: [{ name: "address", by: "address", perSecond: 100_000, burst: 100_000 }] },
      waitingRooms: {
        storeUrl,
        stateDir: join(folder, name),
        rooms: [{ id: "drop", match: { paths: ["/sale"] }, outflowPerMinute, page: "standalone" }],
      },
    }),
  );
  const env = { SPILLWAY_EDGE_CONFIG: file, SPILLWAY_EDGE_SECRET: secret, PORT: String(await freePort()) };
  const running = await startShop({ word: "edge", env });
  closing.push(async () => await running.stop("SIGKILL"));
  return { url: `http://127.0.0.1:${env.PORT}`, opsUrl: running.opsUrl };
}

const ask = async (edge: Edge, method: string, path: string, place?: string): Promise<PlaceView> =>
  (await (
    await fetch(edge.url + path, {
      method,
      headers: { accept: "application/json", ...(place === undefined ? {} : { "spillway-place": place }) },
      signal: AbortSignal.timeout(8000),
    })
  ).json()) as PlaceView;

async function join_(edge: Edge): Promise<Person> {
  const { place, number } = await ask(edge, "GET", "/sale");
  if (place === undefined || number === null) throw new Error("Who came got no number.");
  return { place, number };
}

async function claim(edge: Edge, { place, number }: Person): Promise<Admission | undefined> {
  const { state, pass } = await ask(edge, "POST", "/.spillway/rooms/drop/claim", place);
  if (state !== "admitted" || pass === undefined) return undefined;
  const { seq, untilMs } = passes.read(pass, 0) ?? { seq: 0, untilMs: 0 };
  expect(seq).toBe(number);
  return { number, edge, atMs: performance.now(), untilMs };
}

const countsOf = async (edge: Edge): Promise<{ readonly admittedCutOff: number; readonly usedTwice: number }> => {
  const answer = await fetch(`${edge.opsUrl}/edge/rooms/drop`, { headers: { authorization: `Bearer ${adminToken}` } });
  const { admittedCutOff, usedTwice } = ((await answer.json()) as RoomState).line;
  return { admittedCutOff: Number(admittedCutOff), usedTwice: Number(usedTwice) };
};

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 30_000;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`${what}: not within 30 s`);
    await Bun.sleep(20);
  }
}

function mostWithin(timesMs: readonly number[], windowMs: number): number {
  let most = 0;
  for (let from = 0, to = 0; to < timesMs.length; to++) {
    while ((timesMs[to] as number) - (timesMs[from] as number) >= windowMs) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

const run = hasRedis ? test : test.skip;
run(
  "an edge that is cut off spends what it holds on those it knew, then holds, and tells of it when it is back",
  async () => {
    const redis = await startRedis();
    closing.push(redis.close);
    const wire = await startLossyWire(redis.port);
    closing.push(wire.close);
    const beganMs = performance.now();
    const [cut, ...others] = await Promise.all([
      startEdge("a", `redis://127.0.0.1:${wire.port}`),
      startEdge("b", redis.url),
      startEdge("c", redis.url),
    ]);
    let edges: Edge[] = [cut, ...others];
    let people: Person[] = [];
    await until("the doors take people", async () => {
      people = await Promise.all(Array.from({ length: 20 }, async () => await join_(cut))).catch(() => []);
      return people.length > 0;
    });
    people.push(
      ...(await Promise.all(Array.from({ length: 740 }, async (_, at) => await join_(edges[at % 3] as Edge)))),
    );

    const admissions: Admission[] = [];
    let isOver = false;
    let isCutLeftAlone = false;
    /** Each keeps to one edge, as a balancer with a cookie would have it. */
    const loops = people.map(async (person, at) => {
      while (!isOver) {
        const edge = edges[at % edges.length] as Edge;
        const isHeldBack = edge === cut && isCutLeftAlone;
        const admission = isHeldBack ? undefined : await claim(edge, person).catch(() => undefined);
        if (admission !== undefined) {
          admissions.push(admission);
          return;
        }
        await Bun.sleep(400);
      }
    });
    const of = (edge: Edge) => admissions.filter((one) => one.edge === edge);
    await until("the first are in", () => edges.every((edge) => of(edge).length > 2));
    const firstMs = (admissions[0] as Admission).atMs - beganMs;

    let cutMs = 0;
    let spent: Admission[] = [];
    // What it writes next is mostly a note of one whom it is about to let in; where it was something else, its hands were empty.
    for (let tries = 0; tries < 6 && spent.length === 0; tries++) {
      wire.mend();
      // Until all that it let in is written.
      isCutLeftAlone = true;
      await Bun.sleep(4000);
      const isLost = wire.loseAllFrom(writeOfPlaces);
      isCutLeftAlone = false;
      await isLost;
      cutMs = performance.now();
      await Bun.sleep(leaseMs + 2000);
      spent = of(cut).filter(({ atMs }) => atMs > cutMs);
    }
    // A stranger to it is not let in, whatever it may hold; and a copy of a ticket that it used is used again elsewhere, once.
    const [copied] = spent;
    const again =
      copied === undefined
        ? undefined
        : await claim(others[0] as Edge, people.find(({ number }) => number === copied.number) as Person);
    const elsewhere = admissions.filter(({ edge, atMs }) => edge !== cut && atMs > cutMs);
    console.log(
      `first admission ${(firstMs / 1000).toFixed(1)} s after the start; cut off with admissions in its hands an edge let in ${spent.length} within ${((spent.at(-1)?.atMs ?? cutMs) - cutMs).toFixed(0)} ms and then nobody; the others ${elsewhere.length} in those ${((leaseMs + 2000) / 1000).toFixed(0)} s`,
    );
    expect(spent.length).toBeGreaterThan(0);
    // An answer's way is no part of the lease.
    for (const { atMs } of spent) expect(atMs - cutMs).toBeLessThan(leaseMs + 500);
    expect(elsewhere.length).toBeGreaterThan(10);
    expect(await countsOf(cut)).toEqual({ admittedCutOff: spent.length, usedTwice: 0 });

    wire.mend();
    edges = [cut];
    const mendedMs = performance.now();
    await until("it goes on", () => of(cut).some(({ atMs }) => atMs > mendedMs));
    isOver = true;
    await Promise.all(loops);
    expect(again).toBeDefined();
    if (again !== undefined) admissions.push(again);
    await until("it has told", async () => (await countsOf(cut)).usedTwice > 0);
    expect(await countsOf(cut)).toEqual({ admittedCutOff: spent.length, usedTwice: 1 });
    // Everywhere else the place is known as used now: the same admission, no other one.
    for (const { number, untilMs } of spent.slice(1)) {
      const person = people.find((one) => one.number === number) as Person;
      expect(await claim(others[1] as Edge, person)).toMatchObject({ number, untilMs });
    }
    const timesMs = admissions.map(({ atMs }) => atMs).sort((a, b) => a - b);
    const { intervalMs, burstMs } = paceOf(outflowPerMinute);
    for (const windowMs of [5000, 10_000, 20_000]) {
      const most = Math.ceil((windowMs + leaseMs + leaseGraceMs + 500 + burstMs) / intervalMs);
      expect(mostWithin(timesMs, windowMs)).toBeLessThanOrEqual(most);
    }
  },
  120_000,
);
