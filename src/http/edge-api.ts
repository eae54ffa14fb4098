/** The edge's admin API: purge, upstreams, limits, pressure, waiting rooms, statistics, reload. It turns knobs that it is handed. */
import Type, { type Static } from "typebox";
import {
  LimitsRequest,
  PressureRequest,
  type PressureView,
  Purged,
  PurgeRequest,
  UpstreamState,
  UpstreamWeight,
} from "#contract/edge-admin.ts";
import { type EdgeConfig, Upstream } from "#contract/edge-config.ts";
import { responseOf } from "#kernel/whole-body.ts";
import { json, problem, problemOf } from "./answer.ts";
import { readJson } from "./body.ts";
import type { RoomControls } from "./room-api.ts";
import { roomRoutes } from "./room-api.ts";
import { createRouter, type Handler, methodNotAllowed, type Route } from "./router.ts";
import { type Validated, validator } from "./validate.ts";

export type EdgeControls = {
  /** How many answers were purged. */
  readonly purge: (what: Static<typeof PurgeRequest>) => number;
  readonly upstreams: () => readonly Static<typeof UpstreamState>[];
  /** Says what is wrong with it; undefined when it was added. */
  readonly addUpstream: (upstream: Static<typeof Upstream>) => string | undefined;
  /** False when there is none of that name. */
  readonly weighUpstream: (name: string, weight: number) => boolean;
  readonly drainUpstream: (name: string) => boolean;
  readonly resumeUpstream: (name: string) => boolean;
  readonly removeUpstream: (name: string) => boolean;
  readonly limits: () => EdgeConfig["limits"]["policies"];
  readonly setLimits: (policies: EdgeConfig["limits"]["policies"]) => void;
  readonly pressure: () => PressureView;
  readonly overridePressure: (level: 0 | 1 | 2 | 3 | null) => void;
  readonly statistics: () => Record<string, unknown>;
  readonly rooms: RoomControls;
  /** Reads the configuration again; rejects, and nothing changes, when it is wrong. */
  readonly reload: () => Promise<void>;
};

/** Answers what begins with /edge/; undefined for everything else. */
export function edgeApi(
  edge: EdgeControls,
  options: {
    readonly isToken: (token: string) => boolean;
    readonly report: (error: unknown) => string;
  },
): (request: Request) => Promise<Response | undefined> {
  const purge = validator(PurgeRequest);
  const upstream = validator(Upstream);
  const weight = validator(UpstreamWeight);
  const limits = validator(LimitsRequest);
  const pressure = validator(PressureRequest);
  const named =
    (change: (name: string) => boolean): Handler =>
    (_, { parameters }) =>
      change(parameters.name ?? "")
        ? new Response(null, { status: 204 })
        : problem("not_found", `There is no upstream "${parameters.name}". GET /edge/upstreams lists them.`);
  const taken =
    <Value>(
      check: (value: unknown) => Validated<Value>,
      use: (value: Value, parameters: Readonly<Record<string, string>>) => Response,
    ): Handler =>
    async (request, { parameters }) => {
      const checked = check(await readJson(request));
      if (!checked.ok)
        return problem("invalid_request", "Some fields are missing or wrong; each is listed.", {
          errors: checked.errors,
        });
      return use(checked.value, parameters);
    };

  const routes: Route[] = [
    {
      method: "POST",
      path: "/edge/purge",
      handler: taken(purge, (what) => json({ purged: edge.purge(what) })),
      describe: {
        summary: "Purge cached answers",
        body: PurgeRequest,
        answers: { 200: { text: "How many", schema: Purged } },
        admin: true,
      },
    },
    {
      method: "GET",
      path: "/edge/upstreams",
      handler: () => json({ upstreams: edge.upstreams() }),
      describe: {
        summary: "Upstreams and how they are",
        answers: { 200: { text: "All of them", schema: Type.Object({ upstreams: Type.Array(UpstreamState) }) } },
        admin: true,
      },
    },
    {
      method: "POST",
      path: "/edge/upstreams",
      handler: taken(upstream, (added) => {
        const wrong = edge.addUpstream(added);
        return wrong === undefined ? json({ upstreams: edge.upstreams() }, 201) : problem("invalid_request", wrong);
      }),
      describe: { summary: "Add an upstream", body: Upstream, answers: { 201: { text: "Added" } }, admin: true },
    },
    {
      method: "PUT",
      path: "/edge/upstreams/:name",
      handler: taken(weight, (given, { name = "" }) =>
        edge.weighUpstream(name, given.weight)
          ? json({ upstreams: edge.upstreams() })
          : problem("not_found", `There is no upstream "${name}". GET /edge/upstreams lists them.`),
      ),
      describe: {
        summary: "Change an upstream's weight",
        body: UpstreamWeight,
        answers: { 200: { text: "Changed" } },
        admin: true,
      },
    },
    {
      method: "POST",
      path: "/edge/upstreams/:name/drain",
      handler: named(edge.drainUpstream),
      describe: {
        summary: "No new requests to it; what is under way ends",
        answers: { 204: { text: "Draining" } },
        admin: true,
      },
    },
    {
      method: "POST",
      path: "/edge/upstreams/:name/resume",
      handler: named(edge.resumeUpstream),
      describe: {
        summary: "New requests to a drained upstream, gently at first",
        answers: { 204: { text: "In use again" } },
        admin: true,
      },
    },
    {
      method: "DELETE",
      path: "/edge/upstreams/:name",
      handler: named(edge.removeUpstream),
      describe: { summary: "Forget an upstream", answers: { 204: { text: "Gone" } }, admin: true },
    },
    {
      method: "GET",
      path: "/edge/limits",
      handler: () => json({ policies: edge.limits() }),
      describe: {
        summary: "Rate limits in force",
        answers: { 200: { text: "The policies", schema: LimitsRequest } },
        admin: true,
      },
    },
    {
      method: "PUT",
      path: "/edge/limits",
      handler: taken(limits, ({ policies }) => {
        edge.setLimits(policies);
        return json({ policies: edge.limits() });
      }),
      describe: {
        summary: "Replace the rate limits until the next reload",
        body: LimitsRequest,
        answers: { 200: { text: "In force" } },
        admin: true,
      },
    },
    {
      method: "GET",
      path: "/edge/pressure",
      handler: () => json(edge.pressure()),
      describe: { summary: "The level of pressure", answers: { 200: { text: "0 to 3" } }, admin: true },
    },
    {
      method: "PUT",
      path: "/edge/pressure",
      handler: taken(pressure, ({ level }) => {
        edge.overridePressure(level);
        return json(edge.pressure());
      }),
      describe: {
        summary: "Hold the level of pressure, or let go of it",
        body: PressureRequest,
        answers: { 200: { text: "In force" } },
        admin: true,
      },
    },
    {
      method: "GET",
      path: "/edge/statistics",
      handler: () => json(edge.statistics()),
      describe: { summary: "What each stage has done", answers: { 200: { text: "By stage" } }, admin: true },
    },
    {
      method: "POST",
      path: "/edge/reload",
      handler: async () => {
        await edge.reload();
        return new Response(null, { status: 204 });
      },
      describe: { summary: "Read the configuration again", answers: { 204: { text: "In force" } }, admin: true },
    },
  ];
  const router = createRouter([...routes, ...roomRoutes(edge.rooms)]);
  return async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (!pathname.startsWith("/edge/")) return undefined;
    const token = /^Bearer (\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (token === undefined || !options.isToken(token)) {
      const refused = problem(
        "unauthorized",
        "Send the admin token as Authorization: Bearer TOKEN (adminToken of the configuration, or SPILLWAY_ADMIN_TOKEN).",
      );
      refused.headers.set("www-authenticate", 'Bearer realm="spillway"');
      return refused;
    }
    const match = router.match(request.method, pathname);
    if (match === undefined) return problem("not_found", "There is nothing at this address.");
    if ("allow" in match) return methodNotAllowed(match.allow);
    try {
      const { route, parameters } = match;
      return responseOf(await route.handler(request, { path: pathname, query: searchParams, parameters }));
    } catch (error) {
      return problemOf(error, options.report);
    }
  };
}
