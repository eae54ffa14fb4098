/** How the waiting room's addresses answer people and programs alike: a page or JSON, and the refusals that several of them share. */
import type { Exchange } from "../exchange.ts";
import { chooseForm } from "../fallback/negotiate.ts";
import { answered, problem, type Trouble } from "./answers.ts";
import type { OpenRoom } from "./open-room.ts";
import { contentPolicy, wordsPage } from "./standalone-page.ts";

export type Talk = ReturnType<typeof createTalk>;

export const isSecure = ({ scheme }: Exchange): boolean => scheme === "https";

export function createTalk(deps: { readonly siteName: string | undefined }) {
  const siteOf = (exchange: Exchange): string => deps.siteName ?? exchange.host;
  const wantsPage = (exchange: Exchange): boolean =>
    exchange.headers.get("sec-fetch-mode") === "navigate" || chooseForm(exchange.headers, "") === "html";

  const page = (exchange: Exchange, html: string, status = 200, cookies: readonly string[] = []): Response =>
    answered(
      exchange,
      html,
      { status, type: "text/html; charset=utf-8", fields: [["content-security-policy", contentPolicy]] },
      cookies,
    );

  /** A page for people, problem details for programs. */
  function troubled(exchange: Exchange, open: OpenRoom | undefined, trouble: Trouble): Response {
    if (!wantsPage(exchange)) return problem(exchange, trouble);
    const { title, detail, status } = trouble;
    const back = { text: "Back to your place", href: open?.landing ?? "/" };
    return page(exchange, wordsPage({ title, site: siteOf(exchange), words: [detail], back }), status);
  }

  const gone = (exchange: Exchange, open: OpenRoom): Response =>
    troubled(exchange, open, {
      status: 409,
      code: "room_place_moved",
      title: "Another device has your place",
      detail: "This place went over to another device, and is kept there. Ask there for a code to bring it back.",
    });

  const noPlace = (exchange: Exchange, open: OpenRoom): Response =>
    troubled(exchange, open, {
      status: 404,
      code: "room_no_place",
      title: "There is no place here",
      detail:
        "This browser holds no place in the line. Open a page of the sale and it is given one; if cookies are blocked, allow them for this site.",
    });

  const notProven = (exchange: Exchange, open: OpenRoom): Response =>
    troubled(exchange, open, {
      status: 403,
      code: "room_not_proven",
      title: "This is not the browser that waits",
      detail:
        "The place is bound to the browser that waits, by a key that cannot be copied. Allow JavaScript on its page, or bring the place here by a code from it.",
    });

  return { siteOf, wantsPage, page, troubled, gone, noPlace, notProven };
}
