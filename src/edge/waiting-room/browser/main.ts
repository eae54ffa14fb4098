/**
 * The script of those who wait. It reads the one document that everybody reads, computes its own place from it, and writes the panel again with the
 * server's own words (panel.ts). When the turn comes it lets in whoever is just here, and shows a button to everybody else.
 *
 * waiting -> (the cursor has passed the place) called -> (a button, or somebody who is just here) asking -> inside, by a reload
 */
import type { NowServing, PlaceView } from "#contract/waiting-room.ts";
import { aheadIn, headline, type PanelView, panelPart, parts, valueAt, type Writer } from "../panel.ts";
import { createClaimTime } from "./claim-time.ts";
import { enhanceForms } from "./forms.ts";
import { prove } from "./key.ts";
import { morph } from "./morph.ts";
import { createTell } from "./tell.ts";

const room = document.getElementById("spillway-room");
if (room?.dataset.view !== undefined) start(room, JSON.parse(room.dataset.view) as PanelView);

/** Somebody who did something so lately is here, and is let in without being asked. */
const hereMs = 30_000;
const failuresMax = 5;

function start(panel: HTMLElement, first: PanelView): void {
  let view = first;
  let now: NowServing | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let actedAtMs = Number.NEGATIVE_INFINITY;
  let isAsking = false;
  const address = `/.spillway/rooms/${first.room}`;
  // The words around them are English, so dates are as this reader writes English.
  const language = navigator.languages.find((one) => /^en\b/i.test(one)) ?? "en-GB";
  const numbers = new Intl.NumberFormat("en");
  const times = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
  const days = new Intl.DateTimeFormat(language, { day: "numeric", month: "long" });
  const writer: Writer = {
    number: (value) => numbers.format(value),
    time: (ms) => `${Math.abs(ms - Date.now()) < 12 * 3_600_000 ? "" : `on ${days.format(ms)} `}at ${times.format(ms)}`,
    heading: panel.dataset.heading === "h1" ? "h1" : "h2",
    to: panel.dataset.to ?? "/",
  };
  const title = document.title;
  const tell = createTell(panel);
  const proof = async (purpose: "bind" | "claim" | "code"): Promise<Record<string, string>> =>
    await prove(purpose, now, view.place?.number ?? 0);
  const kept = (isLate: boolean) => (): void => {
    view = { ...view, isLate };
    show();
  };
  const claimTime = createClaimTime({ seconds: first.claimSeconds, onOver: kept(true), onLonger: kept(false) });
  enhanceForms(panel, address, proof);

  for (const kind of ["pointerdown", "keydown", "wheel", "touchstart"])
    addEventListener(kind, () => (actedAtMs = performance.now()), { passive: true, capture: true });
  document.addEventListener("submit", (event) => {
    if (!(event.target as Element).matches(".spw-claim")) return;
    event.preventDefault();
    void claim();
  });
  document.addEventListener("visibilitychange", () => document.hidden || soon(0));
  addEventListener("online", () => soon(0));
  addEventListener("pageshow", (event) => event.persisted && soon(0));

  function show(): void {
    for (const part of [...parts, "bar"] as const) {
      const element = document.querySelector(`[data-part=${part}]`);
      if (element !== null) morph(element, panelPart(part, view, writer));
    }
    claimTime.write(panel.querySelector("[data-kept]"), view.isCalled && !view.isAtTheDoor);
    const words = headline(view, writer);
    document.title = view.place === undefined ? title : `${view.isCalled ? "● " : ""}${words} – ${title}`;
    tell.say(words, view.isCalled);
  }

  /** A place never moves back: what an older document says, or one from another edge, is not shown. */
  function look(next: NowServing): void {
    now = next;
    const rank = view.place?.rank ?? null;
    const wasCalled = view.isCalled;
    const ahead = rank === null ? null : Math.min(aheadIn(next, rank), view.ahead ?? Number.POSITIVE_INFINITY);
    const isOver = next.phase === "closed";
    const isCalled = !isOver && rank !== null && (wasCalled || rank <= next.cursor);
    const low = ahead === null ? null : valueAt(next.waitLowSeconds, ahead);
    const high = ahead === null ? null : valueAt(next.waitHighSeconds, ahead);
    view = {
      ...view,
      phase: next.phase,
      ahead,
      isCalled,
      waitSeconds: low === null || high === null ? null : [low, high],
      chance: next.stock === null || ahead === null ? null : valueAt(next.stock.chance, ahead),
      stock: next.stock,
      opensAtMs: next.opensAtMs,
      joined: next.next - 1,
      message: next.message,
      isUnreachable: false,
    };
    if (isCalled && !wasCalled) {
      claimTime.begin();
      tell.ring();
      // Only who is looking and has just done something; everybody else finds a button.
      if (!document.hidden && performance.now() - actedAtMs < hereMs) void claim();
    }
  }

  async function ask(): Promise<void> {
    clearTimeout(timer);
    try {
      const rank = view.place?.rank ?? null;
      const { phase } = view;
      const response = await fetch(`${address}/now`, { headers: { accept: "application/json" } });
      if (!response.ok) throw new TypeError("no document");
      const { now: next } = (await response.json()) as { now: NowServing };
      look(next);
      failures = 0;
      const isNewlyOpen = view.place === undefined && phase !== next.phase && next.phase !== "closed";
      // Doors that open, and a room that begins to give places: the server gives one with the page.
      if (isNewlyOpen) return location.reload();
      const isAskedFor = rank === null && next.phase !== "pre-queue";
      // Where a code is shown the place may be another device's by now.
      if (view.place !== undefined && (isAskedFor || panel.querySelector(".spw-code") !== null)) await askPlace();
    } catch {
      failures = Math.min(failures + 1, failuresMax);
      if (failures > 1) view = { ...view, isUnreachable: true };
    }
    show();
    soon(paceMs());
  }

  /** Once after a draw, while an arrival is only noted, and while it may be taken over. */
  async function askPlace(): Promise<void> {
    const response = await fetch(`${address}/place`, { headers: { accept: "application/json" } });
    const place = (await response.json()) as PlaceView;
    if (response.ok || response.status === 410) {
      view = { ...view, place: { number: place.number, rank: place.rank }, ahead: place.ahead };
      if (now !== undefined) look(now);
    } else if (response.status === 409) location.reload();
  }

  function paceMs(): number {
    const table = now?.lookAgainSeconds ?? [];
    const seconds = view.isCalled ? 15 : (valueAt(table, view.ahead ?? 0) ?? 10);
    return Math.max(1, seconds) * 1000 * (1 + Math.random() * 0.2) * 2 ** failures;
  }

  function soon(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), ms);
  }

  function busy(is: boolean): void {
    for (const form of document.querySelectorAll(".spw-claim")) form.ariaBusy = is ? "true" : null;
  }

  async function claim(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    busy(true);
    try {
      for (;;) {
        const body = new URLSearchParams({ to: writer.to, ...(await proof("claim")) });
        const response = await fetch(`${address}/claim`, {
          method: "POST",
          body,
          headers: { accept: "application/json" },
        });
        const answer = (await response.json()) as PlaceView & { readonly detail?: string };
        if (answer.state === "admitted") {
          location.replace(writer.to);
          return;
        }
        if (answer.state !== "at-the-door") {
          tell.say(answer.detail ?? headline(view, writer), true);
          if (answer.detail !== undefined) view = { ...view, message: answer.detail };
          break;
        }
        view = { ...view, isAtTheDoor: true };
        show();
        await new Promise((resolve) => setTimeout(resolve, 1000 * (Number(response.headers.get("retry-after")) || 2)));
      }
    } catch {
      view = { ...view, isUnreachable: true };
    }
    isAsking = false;
    view = { ...view, isAtTheDoor: false };
    busy(false);
    show();
  }

  // The bar is for when the panel is out of sight, or behind the bar.
  const bar = document.querySelector<HTMLElement>("#spillway-bar > div");
  if (bar !== null)
    new IntersectionObserver(
      (seen) => {
        bar.hidden = (seen.at(-1)?.intersectionRatio ?? 0) > 0.95;
      },
      { threshold: 0.96, rootMargin: "0px 0px -80px" },
    ).observe(panel.querySelector("[data-part=head]") ?? panel);

  if (first.isCalled && !first.isLate) claimTime.begin();
  soon(Math.random() * 1500);
  if (first.place !== undefined && first.place.number !== null)
    void bindSoon().catch(() => {
      // Without a key the place is worth what its cookie is.
    });

  /** After the first document, whose moment is signed. */
  async function bindSoon(): Promise<void> {
    await ask();
    if (now === undefined || panel.dataset.bound === "true") return;
    const body = new URLSearchParams(await proof("bind"));
    if (body.has("signature")) await fetch(`${address}/bind`, { method: "POST", body });
  }
}
