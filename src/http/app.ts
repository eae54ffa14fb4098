/**
 * The shop as one web-standard handler: method and path to a route, errors to answers, all of it counted. It knows no
 * server; a role puts it behind one, the edge calls it directly.
 */
import { SpillwayError } from "#kernel/error.ts";
import type { LightRequest } from "#kernel/light-request.ts";
import type { WholeAnswer } from "#kernel/whole-body.ts";
import type { Metrics } from "#watch/metrics.ts";
import { problem, problemOf, wantsJson } from "./answer.ts";
import { failurePage, notFound } from "./pages.ts";
import { createRouter, methodNotAllowed, type Route } from "./router.ts";
import type { ShopContext } from "./shop-context.ts";

export type ShopHandler = (request: LightRequest) => Promise<Response | WholeAnswer>;

const noQuery = new URLSearchParams();
/** Whatever else is asked for is counted as one, so that nobody can fill the memory with methods. */
const methods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]);

export function createShopHandler(shop: ShopContext, routes: readonly Route[], metrics: Metrics): ShopHandler {
  const router = createRouter(routes);
  const tally = requestTally(metrics);
  return async (request) => {
    const startedAt = performance.now();
    const url = request.url;
    const pathAt = url.indexOf("/", url.indexOf("://") + 3);
    const queryAt = url.indexOf("?", pathAt);
    const path = pathAt < 0 ? "/" : queryAt < 0 ? url.slice(pathAt) : url.slice(pathAt, queryAt);
    let template = "none";
    const { method } = request;
    let response: Response | WholeAnswer;
    try {
      const match = router.match(method, path);
      if (match === undefined) response = unknownAddress(shop, request, path);
      else if ("allow" in match) response = methodNotAllowed(match.allow);
      else {
        template = match.route.path;
        const query = queryAt < 0 ? noQuery : queryOf(url.slice(queryAt + 1));
        response = await match.route.handler(request, { path, query, parameters: match.parameters });
      }
    } catch (error) {
      response = failure(shop, request, path, error);
    }
    tally(template, methods.has(method) ? method : "other", response.status, (performance.now() - startedAt) / 1000);
    return response;
  };
}

/** U+0000 means nothing in a query, and no database takes it in a text. */
const queryOf = (text: string): URLSearchParams => new URLSearchParams(text.replaceAll("%00", ""));

/** Labels are written once for each route, method and status; a request then costs two looks into maps. */
function requestTally(metrics: Metrics) {
  const count = metrics.counter("spillway_http_requests_total", "Requests answered, by route template and status.");
  const time = metrics.histogram("spillway_http_request_seconds", "Time to the answer's head, by route template.");
  type Series = { readonly observe: (seconds: number) => void; readonly add: Map<number, () => void> };
  const byRoute = new Map<string, Map<string, Series>>();
  return (route: string, method: string, status: number, seconds: number): void => {
    let byMethod = byRoute.get(route);
    if (byMethod === undefined) {
      byMethod = new Map();
      byRoute.set(route, byMethod);
    }
    let series = byMethod.get(method);
    if (series === undefined) {
      series = { observe: time({ route }), add: new Map() };
      byMethod.set(method, series);
    }
    let add = series.add.get(status);
    if (add === undefined) {
      add = count({ route, method, status: String(status) });
      series.add.set(status, add);
    }
    series.observe(seconds);
    add();
  };
}

function unknownAddress(shop: ShopContext, request: LightRequest, path: string): Response {
  if (path.startsWith("/api/") || wantsJson(request)) return problem("not_found", "There is nothing at this address.");
  return notFound(shop, path);
}

/** Programs get problem details; people get a page that says what to do. */
function failure(shop: ShopContext, request: LightRequest, path: string, error: unknown): Response {
  if (path.startsWith("/api/") || path.startsWith("/webhooks/") || wantsJson(request))
    return problemOf(error, shop.report);
  const known = error instanceof SpillwayError ? error : undefined;
  if (known !== undefined && known.status < 500) return problemOf(known, shop.report);
  const ordering = request.method === "POST" && path === "/checkout";
  if (known?.status === 503)
    return failurePage(shop, 503, { retryAfterSeconds: known.retryAfterSeconds ?? 2, reference: null, ordering });
  return failurePage(shop, 500, { retryAfterSeconds: null, reference: shop.report(error), ordering });
}
