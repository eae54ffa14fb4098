/**
 * The panel as it stands in a page: its parts (panel.ts), and beside them what does not change while one waits: how to be told by e-mail, how to
 * go on with another device, an invitation, links that stay open. Every form works without script.
 */
import type { Room } from "#contract/waiting-room.ts";
import { escapeHtml, isUnlikely, type PanelView, panelPart, parts, type Writer } from "./panel.ts";

export type Frame = {
  readonly room: Room;
  readonly view: PanelView;
  readonly writer: Writer;
  /** Seconds until a page without script asks again. */
  readonly refreshSeconds: number;
  readonly mayMail: boolean;
  /** The place belongs to a key of its browser already. */
  readonly isBound: boolean;
  /** From the address: `?invite=`. */
  readonly invitation: string | undefined;
};

export function panel(frame: Frame): string {
  const { room, view, writer } = frame;
  const written = parts
    .map((part) => `<div class="spw-${part}" data-part="${part}">${panelPart(part, view, writer)}</div>`)
    .join("");
  const isPlaced = view.place !== undefined && view.phase !== "closed";
  return `<section id="spillway-room" aria-labelledby="spw-title" data-view="${escapeHtml(JSON.stringify(view))}" data-to="${escapeHtml(writer.to)}" data-heading="${writer.heading}"${frame.isBound ? ' data-bound="true"' : ""}><p class="spw-eyebrow">Waiting room${room.title === undefined ? "" : ` · ${escapeHtml(room.title)}`}</p>${written}<p class="spw-vh" role="status" data-said></p><div class="spw-more">${isPlaced ? mine(frame) : ""}${view.phase === "closed" ? "" : invitation(frame)}</div>${links(room)}${again(frame)}</section>`;
}

/** The last thing in the page, see panel.ts. */
export const bar = ({ view, writer }: Pick<Frame, "view" | "writer">): string =>
  `<aside id="spillway-bar" aria-label="Your place in the line"><div data-part="bar">${panelPart("bar", view, writer)}</div></aside>`;

function mine(frame: Frame): string {
  const { room, view, mayMail } = frame;
  const address = `/.spillway/rooms/${room.id}`;
  const isTurnFar = !view.isCalled && view.phase !== "sold-out";
  return `${isTurnFar ? `<label class="spw-sound" data-sound hidden><input type="checkbox" name="sound"> Sound and vibration at my turn</label>` : ""}${
    mayMail && isTurnFar && !isUnlikely(view)
      ? mailForm(
          frame,
          "turn",
          "Tell me by e-mail when my turn is near",
          "We write once, and then forget the address.",
          false,
        )
      : ""
  }${
    mayMail && isUnlikely(view)
      ? mailForm(
          frame,
          "restock",
          "Tell me if something comes back",
          "In the order of asking. You can have it deleted by the link in the e-mail.",
          true,
        )
      : ""
  }<details data-move><summary>Go on with another device</summary><p>A code takes your place over to another phone or computer. It is good once, for ten minutes.</p><form action="${address}/code" method="post"><button>Show a code</button></form><div data-code></div></details>${
    view.place?.number === null || view.place === undefined
      ? ""
      : `<details><summary>Your number and its proof</summary><p>Your number is <b>${frame.writer.number(view.place.number)}</b>. <a href="${address}/receipt" download>Your receipt</a> shows that nobody chose it after seeing who came. <a href="/.spillway/verify">How to check it</a>.</p></details>`
  }`;
}

function mailForm({ room }: Frame, kind: "turn" | "restock", summary: string, fine: string, isOpen: boolean): string {
  return `<details data-mail${isOpen ? " open" : ""}><summary>${summary}</summary><form action="/.spillway/rooms/${room.id}/tell-me" method="post"><input type="hidden" name="about" value="${kind}"><label for="spw-email">E-mail</label><div class="spw-row"><input id="spw-email" type="email" name="email" autocomplete="email" required maxlength="254"><button>Tell me</button></div><p class="spw-fine">${fine}</p></form><p role="status" data-told></p></details>`;
}

function invitation({ room, view, writer, invitation: code }: Frame): string {
  return `<details${code === undefined && view.isMoved !== true ? "" : " open"}><summary>I have a code</summary><form action="/.spillway/rooms/${room.id}/invite" method="post"><input type="hidden" name="to" value="${escapeHtml(writer.to)}"><label for="spw-invite">Code of an invitation, or from your other device</label><div class="spw-row"><input id="spw-invite" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required maxlength="64" value="${escapeHtml(code ?? "")}"><button>Use it</button></div></form></details>`;
}

function links({ links }: Room): string {
  if (links.length === 0) return "";
  return `<ul class="spw-links">${links.map(({ text, url }) => `<li><a href="${escapeHtml(url)}">${escapeHtml(text)}</a></li>`).join("")}</ul>`;
}

/** Without script the page asks again by itself; with script it never reloads. */
function again({ refreshSeconds, view }: Frame): string {
  if (view.phase === "closed") return "";
  return `<noscript><meta http-equiv="refresh" content="${refreshSeconds}"><p class="spw-fine">This page looks again by itself every ${refreshSeconds} seconds. <a href="">Look now</a></p></noscript>`;
}
