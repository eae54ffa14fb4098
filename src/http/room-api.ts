/** The waiting rooms' part of the edge's admin API: see them, change them live, invite, look at their pages, tell of stock and restock. */
import Type, { type Static } from "typebox";
import {
  Invited,
  InviteRequest,
  RestockRequest,
  RestockTold,
  RoomChange,
  type RoomState,
  RoomStateSchema,
  RoomStock,
} from "#contract/edge-admin.ts";
import type { LightRequest } from "#kernel/light-request.ts";
import { json, problem } from "./answer.ts";
import { readJson } from "./body.ts";
import type { Handler, Route } from "./router.ts";
import { type Validated, validator } from "./validate.ts";

export type RoomControls = {
  readonly list: () => readonly RoomState[];
  /** Undefined when there is no room of this id. */
  readonly find: (id: string) => RoomControl | undefined;
};

export type RoomControl = {
  readonly state: () => RoomState;
  /** Resolves when the line has agreed. */
  readonly change: (change: RoomChange) => Promise<void>;
  readonly invite: (count: number) => Promise<readonly string[]>;
  /** The waiting page in a state; undefined when there is no such state. */
  readonly preview: (state: string) => string | undefined;
  readonly previews: readonly string[];
  readonly stock: (told: Static<typeof RoomStock>) => void;
  /** Those who asked to be told of a restock, in the order of asking. */
  readonly restock: () => Promise<
    readonly { readonly email: string; readonly atMs: number; readonly toldAtMs?: number }[]
  >;
  readonly tellRestock: (count: number) => Promise<number>;
  /** Deletes every address that was left with this room. */
  readonly forgetAll: () => Promise<void>;
};

export function roomRoutes(rooms: RoomControls): Route[] {
  const change = validator(RoomChange);
  const invite = validator(InviteRequest);
  const stock = validator(RoomStock);
  const restock = validator(RestockRequest);
  const ofRoom =
    (
      use: (room: RoomControl, request: LightRequest, query: URLSearchParams) => Response | Promise<Response>,
    ): Handler =>
    (request, { parameters, query }) => {
      const room = rooms.find(parameters.id ?? "");
      return room === undefined
        ? problem("not_found", `There is no waiting room "${parameters.id}". GET /edge/rooms lists them.`)
        : use(room, request, query);
    };
  const taken = <Value>(
    check: (value: unknown) => Validated<Value>,
    use: (room: RoomControl, value: Value) => Response | Promise<Response>,
  ): Handler =>
    ofRoom(async (room, request) => {
      const checked = check(await readJson(request));
      if (!checked.ok)
        return problem("invalid_request", "Some fields are missing or wrong; each is listed.", {
          errors: checked.errors,
        });
      return await use(room, checked.value);
    });

  return [
    {
      method: "GET",
      path: "/edge/rooms",
      handler: () => json({ rooms: rooms.list() }),
      describe: {
        summary: "Waiting rooms and how they stand",
        answers: { 200: { text: "All of them", schema: Type.Object({ rooms: Type.Array(RoomStateSchema) }) } },
        admin: true,
      },
    },
    {
      method: "GET",
      path: "/edge/rooms/:id",
      handler: ofRoom((room) => json(room.state())),
      describe: {
        summary: "One waiting room",
        answers: { 200: { text: "How it stands", schema: RoomStateSchema } },
        admin: true,
      },
    },
    {
      method: "PATCH",
      path: "/edge/rooms/:id",
      handler: taken(change, async (room, value) => {
        await room.change(value);
        return json(room.state());
      }),
      describe: {
        summary: "Change a room on all of its edges: outflow, cap, message, phase",
        body: RoomChange,
        answers: { 200: { text: "Agreed on", schema: RoomStateSchema } },
        admin: true,
      },
    },
    {
      method: "POST",
      path: "/edge/rooms/:id/invites",
      handler: taken(invite, async (room, { count }) => json({ codes: await room.invite(count) }, 201)),
      describe: {
        summary: "Make invitation codes",
        body: InviteRequest,
        answers: { 201: { text: "The codes, told this once", schema: Invited } },
        admin: true,
      },
    },
    {
      method: "GET",
      path: "/edge/rooms/:id/preview",
      handler: ofRoom((room, _, query) => {
        const page = room.preview(query.get("state") ?? "waiting");
        return page === undefined
          ? problem("not_found", `There is no such state. There are ${room.previews.join(", ")}.`)
          : new Response(page, {
              headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" },
            });
      }),
      describe: {
        summary: "The waiting page in a state (?state=waiting)",
        answers: { 200: { text: "HTML; its sheet and script stand on the shop's port" } },
        admin: true,
      },
    },
    {
      method: "PUT",
      path: "/edge/rooms/:id/stock",
      handler: taken(stock, (room, told) => {
        room.stock(told);
        return new Response(null, { status: 204 });
      }),
      describe: { summary: "Tell what is left", body: RoomStock, answers: { 204: { text: "Told" } }, admin: true },
    },
    {
      method: "GET",
      path: "/edge/rooms/:id/restock",
      handler: ofRoom(async (room) => csv(await room.restock())),
      describe: {
        summary: "Who asked to be told of a restock, in the order of asking",
        answers: { 200: { text: "CSV: email, asked, told" } },
        admin: true,
      },
    },
    {
      method: "POST",
      path: "/edge/rooms/:id/restock",
      handler: taken(restock, async (room, { count }) => json({ told: await room.tellRestock(count) })),
      describe: {
        summary: "Tell the first so many that something is back",
        body: RestockRequest,
        answers: { 200: { text: "How many were told", schema: RestockTold } },
        admin: true,
      },
    },
    {
      method: "DELETE",
      path: "/edge/rooms/:id/restock",
      handler: ofRoom(async (room) => {
        await room.forgetAll();
        return new Response(null, { status: 204 });
      }),
      describe: {
        summary: "Delete every address that was left with this room, of turns too",
        answers: { 204: { text: "Gone" } },
        admin: true,
      },
    },
  ];
}

/** RFC 4180. An address that a spreadsheet would read as a formula stays text. */
function csv(rows: readonly { readonly email: string; readonly atMs: number; readonly toldAtMs?: number }[]): Response {
  const cell = (text: string): string => `"${/^[=+\-@]/.test(text) ? "'" : ""}${text.replaceAll('"', '""')}"`;
  const time = (ms: number | undefined): string => (ms === undefined ? "" : new Date(ms).toISOString());
  const lines = rows.map(({ email, atMs, toldAtMs }) => [cell(email), time(atMs), time(toldAtMs)].join(","));
  return new Response(["email,asked,told", ...lines, ""].join("\r\n"), {
    headers: { "content-type": "text/csv; charset=utf-8", "cache-control": "no-store" },
  });
}
