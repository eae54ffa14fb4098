/**
 * Method and path to handler. Routes carry what OpenAPI needs to know of them, so that the description cannot drift
 * from what is served. Paths without parameters are one look into a map; the rest are tried in order.
 */
import type { TSchema } from "typebox";
import type { LightRequest } from "#kernel/light-request.ts";
import type { WholeAnswer } from "#kernel/whole-body.ts";
import { problem } from "./answer.ts";

export type RouteContext = {
  readonly path: string;
  /** As it stands behind "?", without it. */
  readonly query: URLSearchParams;
  /** Decoded parts of the path, by name. */
  readonly parameters: Readonly<Record<string, string>>;
};

/** Programs get answers that are whole; a `Response` is made where one is needed. */
type Given = Response | WholeAnswer;
export type Handler = (request: LightRequest, context: RouteContext) => Given | Promise<Given>;

export type Route = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "PATCH";
  /** "/products/:handle" */
  readonly path: string;
  readonly handler: Handler;
  /** Absent for pages: they are not part of the API's description. */
  readonly describe?: {
    readonly summary: string;
    readonly body?: TSchema;
    readonly headers?: Readonly<Record<string, string>>;
    readonly query?: Readonly<Record<string, string>>;
    readonly answers: Readonly<Record<number, { readonly text: string; readonly schema?: TSchema }>>;
    readonly admin?: boolean;
  };
};

export type Router = {
  readonly routes: readonly Route[];
  /** The route that answers, as a template for metrics; undefined when there is none. */
  match(
    method: string,
    path: string,
  ): { route: Route; parameters: Record<string, string> } | { allow: string } | undefined;
};

type Pattern = { readonly segments: readonly string[]; readonly byMethod: Map<string, Route> };

export function createRouter(routes: readonly Route[]): Router {
  const fixed = new Map<string, Map<string, Route>>();
  const patterns = new Map<string, Pattern>();
  for (const route of routes) {
    if (!route.path.includes(":")) {
      const byMethod = fixed.get(route.path) ?? new Map<string, Route>();
      byMethod.set(route.method, route);
      fixed.set(route.path, byMethod);
    } else {
      const pattern = patterns.get(route.path) ?? {
        segments: route.path.split("/"),
        byMethod: new Map<string, Route>(),
      };
      pattern.byMethod.set(route.method, route);
      patterns.set(route.path, pattern);
    }
  }
  const none: Record<string, string> = {};
  const choose = (byMethod: Map<string, Route>, method: string, parameters: Record<string, string>) => {
    const route = byMethod.get(method === "HEAD" ? "GET" : method);
    return route === undefined ? { allow: [...byMethod.keys()].join(", ") } : { route, parameters };
  };
  return {
    routes,
    match(method, path) {
      const byMethod = fixed.get(path);
      if (byMethod !== undefined) return choose(byMethod, method, none);
      const given = path.split("/");
      for (const pattern of patterns.values()) {
        const parameters = fit(pattern.segments, given);
        if (parameters !== undefined) return choose(pattern.byMethod, method, parameters);
      }
      return undefined;
    },
  };
}

function fit(segments: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  if (segments.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index] as string;
    const value = given[index] as string;
    if (!segment.startsWith(":")) {
      if (segment !== value) return undefined;
    } else {
      const decoded = decode(value);
      if (decoded === undefined || decoded === "" || decoded.length > 200 || decoded.includes("\0")) return undefined;
      parameters[segment.slice(1)] = decoded;
    }
  }
  return parameters;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

export const methodNotAllowed = (allow: string): Response => {
  const response = problem("method_not_allowed", `This address takes ${allow}.`);
  response.headers.set("allow", allow);
  return response;
};
