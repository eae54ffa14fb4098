/**
 * A small waiting room that speaks as Spillway's does, in memory, and breaks one promise when it is told to. Its line goes on by some a second; it says
 * that it lets in 60 a minute, or as many as it may.
 */
import type { NowServing, PlaceView } from "#contract/waiting-room.ts";

export type Cheat = "not at all" | "twice" | "later" | "back" | "double";

type Place = { readonly number: number; asked: number; isIn: boolean };

const heldBackSeconds = 8;
const room = "stand-in";

export function startCheatingRoom(cheat: Cheat) {
  // Who is to be moved back has to wait for long enough.
  const perSecond = cheat === "back" ? 8 : 15;
  let places = new Map<string, Place>();
  let next = 1;
  /** When the first came: however long a crowd takes to set out. */
  let beganMs = 0;
  const passed = (): number => Math.floor(((performance.now() - beganMs) / 1000) * perSecond);
  const cursor = (): number => Math.min(next - 1, passed());
  const isHeldBack = ({ number }: Place): boolean =>
    cheat === "later" && number % 7 === 0 && number > passed() - heldBackSeconds * perSecond;
  const isCalled = (place: Place): boolean => place.number <= cursor() && !isHeldBack(place);
  const now = (): Partial<NowServing> => ({
    room,
    phase: "open",
    cursor: cursor(),
    next,
    holes: [],
    outflowPerMinute: cheat === "double" ? 60 : 600,
    lookAgainSeconds: [[0, 1]],
  });
  const view = (place: Place): Partial<PlaceView> => {
    place.asked += 1;
    const ahead = Math.max(0, place.number - cursor() - 1);
    return {
      state: isCalled(place) ? "your-turn" : "waiting",
      room,
      number: place.number,
      rank: place.number,
      ahead: isCalled(place) ? 0 : cheat === "back" && place.asked > 2 ? ahead + 60 : ahead,
      claimUrl: `/.spillway/rooms/${room}/claim`,
    };
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      const cookies = request.headers.get("cookie") ?? "";
      if (pathname.endsWith("/now")) return Response.json({ now: now() });
      const known = places.get(/spillway_place=(\w+)/.exec(cookies)?.[1] ?? "");
      if (pathname.endsWith("/claim")) {
        if (known === undefined) return new Response("no place", { status: 404 });
        if (!isCalled(known)) return Response.json(view(known), { status: 202, headers: { "retry-after": "1" } });
        known.isIn = true;
        return Response.json({ ...view(known), state: "admitted" });
      }
      if (known?.isIn === true) return new Response("the shop");
      const headers = new Headers({ "retry-after": "1" });
      let place = known;
      if (place === undefined) {
        place = { number: cheat === "twice" && next % 20 === 0 ? next - 1 : next, asked: 0, isIn: false };
        if (next === 1) beganMs = performance.now();
        next += 1;
        const ticket = crypto.randomUUID().replaceAll("-", "");
        places.set(ticket, place);
        headers.set("set-cookie", `spillway_place=${ticket}; Path=/`);
      }
      const seen = view(place);
      if (request.headers.get("accept")?.includes("text/html") !== true)
        return Response.json(seen, { status: 202, headers });
      const data = {
        room,
        phase: "open",
        place: { number: seen.number, rank: seen.rank },
        ahead: seen.ahead,
        isCalled: seen.state === "your-turn",
      };
      headers.set("content-type", "text/html; charset=utf-8");
      const written = JSON.stringify(data).replaceAll('"', "&#34;");
      return new Response(`<!doctype html><section id="spillway-room" data-view="${written}"></section>`, { headers });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    beginAnew() {
      places = new Map();
      next = 1;
    },
    [Symbol.dispose]: () => void server.stop(true),
  };
}
