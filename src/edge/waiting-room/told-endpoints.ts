/** Leaving an address to be told, and having it deleted again. */
import type { Exchange } from "../exchange.ts";
import { fieldsOf, json } from "./answers.ts";
import type { OpenRoom } from "./open-room.ts";
import type { Place } from "./room-places.ts";
import { wordsPage } from "./standalone-page.ts";
import type { Talk } from "./talk.ts";
import { baseOf } from "./waiting.ts";

export function createToldEndpoints({ wantsPage, page, siteOf, troubled }: Talk) {
  async function tellMe(open: OpenRoom, exchange: Exchange, place: Place): Promise<Response> {
    const given = (await fieldsOf(exchange)) ?? {};
    const about = given.about === "restock" ? "restock" : "turn";
    const email = (given.email ?? "").trim().toLowerCase();
    const base = baseOf(exchange);
    const added = await open.tellers.add({ about, email, seq: place.seq, atMs: exchange.atMs, base });
    if (added === "wrong" || added === "full") {
      return troubled(exchange, open, {
        status: added === "wrong" ? 422 : 503,
        code: added === "wrong" ? "invalid_request" : "room_list_full",
        title: added === "wrong" ? "That is no e-mail address" : "The list is full",
        detail:
          added === "wrong"
            ? "Please write it like ada@example.com."
            : "No more addresses can be taken. Your place is kept all the same.",
      });
    }
    const words =
      about === "turn"
        ? "We write to you when your turn is near."
        : "We write to you, in the order of asking, if something comes back.";
    if (!wantsPage(exchange)) return json(exchange, { told: words });
    const back = { text: "Back to your place", href: open.landing };
    return page(exchange, wordsPage({ title: "We will tell you", site: siteOf(exchange), words: [words], back }));
  }

  async function forget(open: OpenRoom, exchange: Exchange): Promise<Response> {
    const name = new URLSearchParams(exchange.target.split("?", 2)[1] ?? "").get("mail") ?? "";
    const site = siteOf(exchange);
    const back = { text: "To the shop", href: "/" };
    // By POST: programs that read e-mails follow every link in them.
    if (exchange.method !== "POST") {
      const more = `<form action="/.spillway/rooms/${open.config.id}/forget?mail=${encodeURIComponent(name)}" method="post"><button>Delete my address</button></form>`;
      return page(
        exchange,
        wordsPage({ title: "Delete your address?", site, words: ["You will not be told any more."], more, back }),
      );
    }
    const isGone = await open.tellers.forget(name);
    const words = isGone ? "It is gone from the list." : "It is not on the list, or no longer.";
    return page(exchange, wordsPage({ title: "Your address is deleted", site, words: [words], back }));
  }

  return { tellMe, forget };
}
