/** The waiting room's panel in each of its states, alone and in the sample shop's product page, served under the policies of earnest. */
import { drawQr } from "#adapters/system/qr.ts";
import { Room } from "#contract/waiting-room.ts";
import { headline, type PanelView } from "#edge/waiting-room/panel.ts";
import { bar, panel } from "#edge/waiting-room/panel-frame.ts";
import { previewsOf } from "#edge/waiting-room/previews.ts";
import { split } from "#edge/waiting-room/public-pages.ts";
import { contentPolicy, standalonePage, wordsPage } from "#edge/waiting-room/standalone-page.ts";
import { writerFor } from "#edge/waiting-room/waiting.ts";
import { contentSecurityPolicy } from "#http/page-cache.ts";
import { roomFiles } from "#roles/room-files.ts";
import { settingsOf } from "../kit/exchange.ts";
import { bundleScript } from "./sample-server.ts";
import { asset, samples } from "./sample-shop.ts";

const room = settingsOf(Room, {
  id: "drop",
  title: "Skur rain shell, second edition",
  match: { paths: ["/products/skur-rain-shell"] },
  links: [
    { text: "Help", url: "/help" },
    { text: "Find your order", url: "/orders/lookup" },
  ],
});

const opensAtMs = Date.parse("2026-11-27T09:00:00Z");
export const views = previewsOf({
  room: "drop",
  phase: "open",
  place: undefined,
  ahead: null,
  isCalled: false,
  isLate: false,
  isAtTheDoor: false,
  waitSeconds: null,
  chance: null,
  stock: null,
  opensAtMs,
  preQueueAtMs: opensAtMs - 900_000,
  joined: 0,
  claimSeconds: 300,
  message: "Two for each person today.\nDelivery begins on Tuesday.",
  isUnreachable: false,
});

function written(view: PanelView, heading: "h1" | "h2"): string {
  return panel({
    room,
    view,
    writer: writerFor("/products/skur-rain-shell", heading),
    refreshSeconds: 3600,
    mayMail: true,
    isBound: false,
    invitation: undefined,
  });
}

const foreign = `<!doctype html><html lang="en"><head><title>Old shop</title><meta name="viewport" content="width=device-width"><style>html,body{overflow-x:hidden}body{font:15px Verdana;margin:0;background:#fffbe8;color:#222}header{position:fixed;top:0;left:0;right:0;z-index:10;background:#a00;color:#fff;padding:12px}main{display:block;padding-top:60px}h2{color:red;text-transform:uppercase}button{background:orange;padding:2px}a{color:#03c}b{color:red}p{margin:20px}dl{background:pink}label{display:none}form{border:3px solid lime;margin:30px}aside{float:right;width:40%}footer{background:#444;color:#fff}</style></head><body class="a"><header>An old shop</header><main><h1>A thing</h1><div style="height:900px;background:linear-gradient(#fd8,#d84)"></div><p>Its own text.</p><!--spillway-room--><!--spillway-buy--><form action="/cart"><button>Buy</button></form><!--/spillway-buy--></main><footer><p>The last line of it.</p></footer></body></html>`;
const unmarked = foreign.replace("<!--spillway-room-->", "");

export const pages = (): Record<string, { html: string; policy: string | undefined }> => {
  const all: Record<string, { html: string; policy: string | undefined }> = {};
  const product = samples().find(({ name }) => name === "product")?.html ?? "";
  const into = (html: string, view: PanelView): string => {
    const page = split(html, []);
    if (page === undefined) throw new Error("The page takes no panel.");
    const decoder = new TextDecoder();
    const writer = writerFor("/products/skur-rain-shell", "h2");
    return `${decoder.decode(page.before)}${written(view, "h2")}${decoder.decode(page.after)}${bar({ view, writer })}${decoder.decode(page.end)}`;
  };
  for (const [name, view] of Object.entries(views)) {
    const title = headline(view, writerFor("/", "h1"));
    all[`own-${name}`] = {
      html: standalonePage({ title, site: "Norrlys", main: written(view, "h1") }),
      policy: contentPolicy,
    };
    all[`product-${name}`] = { html: into(product, view), policy: contentSecurityPolicy };
  }
  for (const name of ["near", "turn", "pre-queue", "unlikely"]) {
    all[`foreign-${name}`] = { html: into(foreign, views[name] as PanelView), policy: undefined };
  }
  all["unmarked-near"] = { html: into(unmarked, views.near as PanelView), policy: undefined };
  const more = `<div class="spw-code">${drawQr("https://shop.example/.spillway/r/K7QM-2R9D")}<b>K7QM-2R9D</b></div>`;
  all["said-code"] = {
    html: wordsPage({
      title: "Go on with another device",
      site: "Norrlys",
      words: [
        "Open the camera of the other device, or type the code on its waiting page. It is good once, for ten minutes.",
      ],
      more,
      back: { text: "Back to your place", href: "/" },
    }),
    policy: contentPolicy,
  };
  return all;
};

export async function serveRoomSamples() {
  const all = pages();
  const files = await roomFiles();
  const script = await bundleScript();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      const file = files.get(pathname);
      if (file !== undefined)
        return new Response(file.bodies.identity as Uint8Array<ArrayBuffer>, {
          headers: { "content-type": file.type },
        });
      const page = all[pathname.slice(1)];
      if (page !== undefined)
        return new Response(page.html, {
          headers: {
            "content-type": "text/html; charset=utf-8",
            ...(page.policy === undefined ? {} : { "content-security-policy": page.policy }),
          },
        });
      if (pathname === "/assets/main.js")
        return new Response(script, { headers: { "content-type": "text/javascript" } });
      const picture = asset(pathname);
      if (picture !== null) return new Response(picture, { headers: { "content-type": "image/svg+xml" } });
      return new Response("Not here", { status: 404 });
    },
  });
  return { origin: `http://127.0.0.1:${server.port}`, names: Object.keys(all), stop: () => void server.stop(true) };
}
