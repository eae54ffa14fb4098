/**
 * Whose request this is, for whoever must choose: the class of its route, unless nobody is looking. A page that a browser
 * fetches in advance (Sec-Purpose, Fetch standard; Purpose and X-Moz before it) and one that a crawler reads can come
 * later, whatever route they are for.
 */

import type { Exchange } from "../exchange.ts";
import type { Fields } from "../ports.ts";
import { rankOf } from "./waiting-line.ts";

/**
 * Crawlers by the names they give themselves; those who pretend to be people are a matter for limits. A bare "bot" is not
 * looked for: there are telephones called Cubot.
 */
const crawler =
  /bot\/\d|googlebot|google-extended|googleother|adsbot|mediapartners|storebot|bingbot|bingpreview|slurp|duckduckbot|baiduspider|yandex\w*bot|applebot|petalbot|seznambot|facebookexternalhit|facebookbot|meta-external|twitterbot|linkedinbot|pinterestbot|ahrefs|semrush|mj12bot|dotbot|dataforseo|gptbot|oai-searchbot|chatgpt-user|claudebot|claude-web|anthropic-ai|perplexity|bytespider|ccbot|amazonbot|crawler|spider\b|heritrix|archive\.org_bot/i;

export function isBackground(headers: Fields): boolean {
  const purpose = headers.get("sec-purpose") ?? headers.get("purpose") ?? headers.get("x-moz");
  if (purpose?.toLowerCase().includes("prefetch")) return true;
  const agent = headers.get("user-agent");
  return agent !== null && crawler.test(agent);
}

export function rank(exchange: Exchange): number {
  return isBackground(exchange.headers) ? rankOf.background : rankOf[exchange.route.class];
}
