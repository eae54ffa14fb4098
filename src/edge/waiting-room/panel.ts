/**
 * The words and figures of somebody who waits, written by the server into the page and written again by the script (browser/room.ts) as
 * the line moves, each part into the element that carries its name in `data-part`. So both say the same, and a page without
 * script is the same page. Everything here is plain text made into HTML; nothing of a request stands in it unescaped.
 */
import type { ByAhead, NowServing, RoomPhase } from "#contract/waiting-room.ts";

/** What one shopper sees; `place` is undefined for one who has none. */
export type PanelView = {
  readonly room: string;
  readonly phase: RoomPhase;
  /** The number of the ticket; null while an arrival is only noted. */
  readonly place: { readonly number: number | null; readonly rank: number | null } | undefined;
  /** Before this place; null before a draw. 0: it is next, or called. */
  readonly ahead: number | null;
  readonly isCalled: boolean;
  /** Called, and the time at the front has passed: nothing is lost, and the words must say so. */
  readonly isLate: boolean;
  readonly isAtTheDoor: boolean;
  readonly waitSeconds: readonly [low: number, high: number] | null;
  readonly chance: number | null;
  readonly stock: { readonly remaining: number; readonly sold: number; readonly held: number } | null;
  readonly opensAtMs: number | null;
  readonly preQueueAtMs: number | null;
  /** How many take part in the draw so far, or wait. */
  readonly joined: number;
  readonly claimSeconds: number;
  readonly message: string | null;
  /** The line's store does not answer. */
  readonly isUnreachable: boolean;
  /** Another device has taken the place over, and this one has none. */
  readonly isMoved?: true;
};

/** Parts of the panel that change while somebody looks at it. The bar changes too, and stands at the end of the page. */
export const parts = ["head", "figures", "note", "action"] as const;
export type Part = (typeof parts)[number] | "bar";

export type Writer = {
  readonly number: (value: number) => string;
  /** A moment as people say it, with its zone where that is not their own: "at 09:00", "on 27 November at 09:00 UTC". */
  readonly time: (ms: number) => string;
  readonly heading: "h1" | "h2";
  /** Where one goes when let in: path and query. */
  readonly to: string;
};

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

export function panelPart(part: Part, view: PanelView, writer: Writer): string {
  if (part === "head") return head(view, writer);
  if (part === "figures") return figures(view, writer);
  if (part === "note") return note(view);
  if (part === "bar") return bar(view, writer);
  return action(view, writer);
}

/** One line for the title, the live region and e-mails: "1,204 people ahead of you, 12 to 18 minutes". */
export function headline(view: PanelView, writer: Pick<Writer, "number" | "time">): string {
  const { phase, place, ahead } = view;
  if (phase === "closed") return "This sale is over";
  if (view.isMoved === true) return "Another device has your place";
  if (view.isCalled && place !== undefined) {
    if (view.isAtTheDoor) return "You are at the door";
    return view.isLate ? "Your place was called" : "It is your turn";
  }
  if (phase === "sold-out") return "Sold out";
  if (place?.number === null) return "Your arrival is noted";
  if (phase === "before") return view.opensAtMs === null ? "Not open yet" : `Doors open ${writer.time(view.opensAtMs)}`;
  if (place === undefined) return phase === "draining" ? "No more places are given" : "You have no place yet";
  if (phase === "pre-queue" || ahead === null) return "You are in the draw";
  if (ahead === 0) return "You are next";
  return ahead === 1 ? "1 person ahead of you" : `${writer.number(ahead)} people ahead of you`;
}

function lead(view: PanelView, { number, time }: Writer): string {
  const { phase, place, ahead, waitSeconds } = view;
  if (phase === "closed") return "Nobody is let in any more. Everything that was ordered stays ordered.";
  if (view.isMoved === true) return "It is kept there. To go on here again, ask there for a code and use it below.";
  if (view.isCalled && place !== undefined) {
    if (view.isAtTheDoor)
      return "Everybody in front of you is inside. You are let in within seconds, in the order of your places.";
    if (view.isLate)
      return "Nothing is lost: press, and you go in as soon as there is room, before all who came after you.";
    return "Press when you are ready. Nothing is lost if you take longer.";
  }
  if (phase === "sold-out")
    return "Everything has found its buyer. If something comes back, who asked first is told first.";
  if (place?.number === null)
    return "We cannot give you a number at this second. When you came is noted, and it counts.";
  if (phase === "before") {
    return view.preQueueAtMs === null
      ? "Until then, look around. You get a place when the doors open."
      : `Come ${time(view.preQueueAtMs)} or later: all who are here before the doors open take part in a draw for their places.`;
  }
  if (place === undefined)
    return phase === "draining"
      ? "Who has a place keeps it and is let in. New places are not given at the moment."
      : "More people came at this second than we can give a number to. This page asks again by itself.";
  if (phase === "pre-queue" || ahead === null) {
    const others = view.joined > 1 ? ` ${number(view.joined)} are here so far.` : "";
    const at = view.opensAtMs === null ? "when the doors open" : time(view.opensAtMs);
    return `The places are drawn by lot ${at}; coming earlier makes no difference.${others}`;
  }
  if (phase === "paused") return "Nobody is let in at the moment. All places stay as they are.";
  return waitSeconds === null ? "We do not know yet how long it takes." : `${range(waitSeconds)} until your turn`;
}

/** Beside the headline, where there is one line for it. */
function brief(view: PanelView, { time }: Writer): string {
  const { phase, place, ahead, waitSeconds } = view;
  if (phase === "closed") return "Nobody is let in any more";
  if (view.isMoved === true) return "Ask there for a code to go on here";
  if (view.isCalled && place !== undefined) {
    if (view.isAtTheDoor) return "You are let in within seconds";
    return view.isLate ? "Nothing is lost: go in" : "Go in when you are ready";
  }
  if (phase === "sold-out") return "Everything has found its buyer";
  if (place?.number === null) return "When you came counts";
  if (phase === "before")
    return view.preQueueAtMs === null
      ? "You get a place then"
      : `For the draw, come ${time(view.preQueueAtMs)} or later`;
  if (place === undefined) return phase === "draining" ? "Who has one is let in" : "This page asks again by itself";
  if (phase === "pre-queue" || ahead === null)
    return `Places are drawn ${view.opensAtMs === null ? "when the doors open" : time(view.opensAtMs)}`;
  if (phase === "paused") return "Nobody is let in at the moment";
  if (isUnlikely(view)) return `${waitSeconds === null ? "" : `${range(waitSeconds)}; `}probably nothing will be left`;
  return waitSeconds === null ? "We do not know yet how long it takes" : `${range(waitSeconds)} until your turn`;
}

/** On a narrow screen, where the panel may stand below pictures: how it stands, a way there, and the way in. */
function bar(view: PanelView, writer: Writer): string {
  const isTurn = view.isCalled && view.place !== undefined && view.phase !== "closed";
  return `<a href="#spillway-room"><b>${escapeHtml(headline(view, writer))}</b> <span>${escapeHtml(brief(view, writer))}</span></a>${isTurn ? claimForm(view, writer) : ""}`;
}

function head(view: PanelView, writer: Writer): string {
  const { heading } = writer;
  return `${gauge(nearness(view))}<div><${heading} id="spw-title" class="spw-title">${escapeHtml(headline(view, writer))}</${heading}><p class="spw-lead">${escapeHtml(lead(view, writer))}</p></div>`;
}

/** 0 far away to 1 called; by tenfolds, because nobody sees the difference between 40,000 and 39,000. */
function nearness({ isCalled, ahead, phase }: PanelView): number {
  if (isCalled) return 1;
  if (phase === "closed" || phase === "sold-out" || ahead === null) return 0.06;
  return Math.max(0.06, Math.min(0.94, 0.94 - Math.log10(ahead + 1) * 0.18));
}

/** The basin of the house, filling as the turn comes nearer. Its level is an attribute and no style, for strict policies. */
function gauge(level: number): string {
  const y = Math.round(92 - level * 88);
  return `<svg class="spw-gauge" viewBox="0 0 96 96" width="72" height="72" aria-hidden="true"><defs><clipPath id="spw-clip"><circle cx="48" cy="48" r="42"/></clipPath></defs><g clip-path="url(#spw-clip)"><g transform="translate(0 ${y})"><path class="spw-back" d="M-96 0q24-7 48 0t48 0 48 0 48 0 48 0v100h-240z"/><path class="spw-front" d="M-96 3q24 7 48 0t48 0 48 0 48 0 48 0v100h-240z"/></g></g><circle class="spw-rim" cx="48" cy="48" r="45"/></svg>`;
}

function figures({ stock, chance, phase, isCalled, place }: PanelView, { number }: Writer): string {
  if (stock === null || phase === "closed" || phase === "sold-out") return "";
  const all = stock.remaining + stock.held + stock.sold;
  const left = `<div><dt>Left</dt><dd><b>${number(stock.remaining)}</b> of ${number(all)}</dd></div>`;
  if (chance === null || place === undefined || isCalled) return `<dl>${left}</dl>`;
  return `<dl>${left}<div><dt>Chance that something is left at your turn</dt><dd><b>${percent(chance)}</b></dd></div></dl>`;
}

/** Never 0 or 100: what is to come is not certain. */
export function percent(share: number): string {
  if (share < 0.01) return "under 1 %";
  return share > 0.99 ? "over 99 %" : `${Math.round(share * 100)} %`;
}

/** Below this, people are told at once that they probably wait in vain. */
export const unlikelyBelow = 0.1;

export const isUnlikely = ({ chance, isCalled, place, phase }: PanelView): boolean =>
  phase === "sold-out" || (chance !== null && chance < unlikelyBelow && !isCalled && place !== undefined);

function note(view: PanelView): string {
  const said: string[] = [];
  if (view.message !== null && view.message !== "") said.push(`<p class="spw-message">${escapeHtml(view.message)}</p>`);
  if (view.isUnreachable && view.place !== undefined)
    said.push("<p>The line cannot be reached at this moment. Your place is kept, and this page goes on by itself.</p>");
  if (view.phase !== "sold-out" && isUnlikely(view))
    said.push(
      `<p><b>Probably nothing will be left at your turn.</b> You may stay, and you may leave your address to be told if something comes back.</p>`,
    );
  return said.join("");
}

const claimForm = ({ room, isAtTheDoor }: PanelView, { to }: Writer): string =>
  `<form class="spw-claim" action="/.spillway/rooms/${room}/claim" method="post"><input type="hidden" name="to" value="${escapeHtml(to)}"><button class="spw-main">${isAtTheDoor ? "Opening …" : "Go in"}</button></form>`;

function action(view: PanelView, writer: Writer): string {
  if (view.phase === "closed" || view.place === undefined) return "";
  if (view.isCalled) return `${claimForm(view, writer)}<p class="spw-kept" data-kept></p>`;
  if (view.phase === "sold-out") return "";
  return `<p class="spw-keep">You may close this page: your place is kept. Come back on this device by the same address, on another by a code.</p>`;
}

/** "12 to 18 minutes", rounded so that the figure does not flicker. */
export function range([low, high]: readonly [low: number, high: number]): string {
  if (high < 50) return "less than a minute";
  const [least, most] = [Math.max(1, Math.floor(low / 60)), Math.ceil(high / 60)];
  if (most < 90) {
    if (least >= most) return most === 1 ? "about a minute" : `about ${most} minutes`;
    return `${least} to ${most} minutes`;
  }
  const [from, until] = [halves(low / 3600, Math.floor), halves(high / 3600, Math.ceil)];
  return from === until ? `about ${until} hours` : `${from} to ${until} hours`;
}

const halves = (hours: number, round: (value: number) => number): string => {
  const half = Math.max(1, round(hours * 2));
  return half % 2 === 0 ? String(half / 2) : half === 1 ? "½" : `${(half - 1) / 2}½`;
};

/** Between the two nearest of the table; its ends go on. Null for an empty one. */
export function valueAt(table: ByAhead, ahead: number): number | null {
  let before = table[0];
  if (before === undefined) return null;
  for (const pair of table) {
    if (pair[0] >= ahead) {
      const span = pair[0] - before[0];
      return span <= 0 ? pair[1] : before[1] + ((pair[1] - before[1]) * (ahead - before[0])) / span;
    }
    before = pair;
  }
  return before[1];
}

/** People between the cursor and this rank; numbers that nobody has are left out. 0 when it is called or next. */
export function aheadIn({ cursor, holes }: Pick<NowServing, "cursor" | "holes">, rank: number): number {
  let ahead = Math.max(0, rank - cursor - 1);
  for (const [from, to] of holes) {
    const [low, high] = [Math.max(from, cursor + 1), Math.min(to, rank - 1)];
    if (high >= low) ahead -= high - low + 1;
  }
  return ahead;
}
