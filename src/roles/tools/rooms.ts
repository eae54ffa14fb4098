/** `spillway rooms`: waiting rooms as their operator turns them, over the admin API of a running edge. */
import type { RoomState } from "#contract/edge-admin.ts";
import { SpillwayError } from "#kernel/error.ts";
import { args, print, table } from "./terminal.ts";

export const roomsHelp = `Waiting rooms of a running edge, over its operations port. What is changed holds at once, on all edges of the room.

  list                           all rooms: phase, waiting, inside, admitted in the last minute
  show ID                        everything that is known of one
  pause ID | open ID             nobody is let in, places stay | let in again, or before the time
  drain ID | close ID            no new places | nobody is let in any more
  auto ID                        as the calendar and the signals say
  outflow ID N                   at most N in any 60 seconds
  active ID N                    at most N inside at once; 0: any number
  message ID TEXT                told to those who wait; "" takes it away
  stock ID REMAINING HELD SOLD   for a shop that does not tell it by itself
  invite ID [N]                  N invitation codes, told this once (1)
  preview ID [STATE]             the waiting page as HTML, on standard output
  restock ID                     who asked to be told, in the order of asking, as CSV
  restock ID --tell N            writes to the first N of them that something is back
  restock ID --forget            deletes every address that was left with the room

  --ops URL     the operations port (http://localhost:SPILLWAY_OPS_PORT, or 8001; of a whole shop 8081)
  --token TEXT  the admin token (SPILLWAY_ADMIN_TOKEN; of a whole shop: bin/spillway token)
  --json        what the API answered, as it is

  bin/spillway rooms outflow drop 900
  bin/spillway rooms invite drop 50 > codes.txt
  bin/spillway rooms list --ops http://localhost:8081 --token "$(bin/spillway token)"`;

const usage =
  "usage: bin/spillway rooms list|show|pause|open|drain|close|auto|outflow|active|message|stock|invite|preview|restock ID …  See --help.";

type Env = Readonly<Record<string, string | undefined>>;

export async function roomsTool(given: string[], env: Env): Promise<number> {
  const { values, positionals } = args(given, {
    ops: { type: "string" },
    token: { type: "string" },
    json: { type: "boolean" },
    tell: { type: "string" },
    forget: { type: "boolean" },
  });
  const [word = "list", id, ...rest] = positionals;
  const ask = asker(
    values.ops ?? `http://localhost:${env.SPILLWAY_OPS_PORT ?? "8001"}`,
    values.token ?? env.SPILLWAY_ADMIN_TOKEN,
  );
  const told = (text: string, show: (text: string) => string): number => {
    print(values.json === true ? text : show(text));
    return 0;
  };
  if (word === "list" && id === undefined)
    return told(await ask("GET", "/edge/rooms"), (text) =>
      roomsTable((JSON.parse(text) as { rooms: RoomState[] }).rooms),
    );
  if (id === undefined) throw new SpillwayError("bad_usage", usage);
  const room = `/edge/rooms/${encodeURIComponent(id)}`;
  const changed = async (change: object): Promise<number> =>
    told(await ask("PATCH", room, change), (text) => roomsTable([JSON.parse(text) as RoomState]));
  switch (word) {
    case "show":
      return told(await ask("GET", room), (text) => details(JSON.parse(text) as RoomState));
    case "pause":
      return await changed({ phase: "paused" });
    case "open":
      return await changed({ phase: "open" });
    case "drain":
      return await changed({ phase: "draining" });
    case "close":
      return await changed({ phase: "closed" });
    case "auto":
      return await changed({ phase: null });
    case "outflow":
      return await changed({ outflowPerMinute: whole("N", rest[0]) });
    case "active":
      return await changed({ activeMax: whole("N", rest[0]) });
    case "message": {
      const text = rest.join(" ");
      return await changed({ message: text === "" ? null : text });
    }
    case "stock": {
      const [remaining, held, sold] = ["REMAINING", "HELD", "SOLD"].map((name, at) => whole(name, rest[at]));
      await ask("PUT", `${room}/stock`, { remaining, held, sold });
      return 0;
    }
    case "invite": {
      const answer = await ask("POST", `${room}/invites`, { count: rest[0] === undefined ? 1 : whole("N", rest[0]) });
      return told(answer, (text) => (JSON.parse(text) as { codes: string[] }).codes.join("\n"));
    }
    case "preview":
      return told(
        await ask("GET", `${room}/preview?state=${encodeURIComponent(rest[0] ?? "waiting")}`),
        (text) => text,
      );
    case "restock": {
      if (values.forget === true) {
        await ask("DELETE", `${room}/restock`);
        return 0;
      }
      if (values.tell === undefined) return told((await ask("GET", `${room}/restock`)).trimEnd(), (text) => text);
      const answer = await ask("POST", `${room}/restock`, { count: whole("--tell", values.tell) });
      return told(answer, (text) => `${(JSON.parse(text) as { told: number }).told} were told.`);
    }
    default:
      throw new SpillwayError("bad_usage", usage);
  }
}

function asker(ops: string, token: string | undefined) {
  if (!URL.canParse(ops))
    throw new SpillwayError("bad_usage", `--ops must be an address such as http://localhost:8001, not ${ops}`);
  return async (method: string, path: string, body?: object): Promise<string> => {
    let response: Response;
    try {
      response = await fetch(new URL(path, ops), {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SpillwayError(
        "origin_unavailable",
        `No edge answers at ${ops} (${reason}). Name its operations port by --ops.`,
      );
    }
    const text = await response.text();
    if (response.ok) return text;
    throw new SpillwayError(
      response.status === 422 ? "invalid_request" : "not_found",
      complaintOf(text, response.status),
    );
  };
}

function complaintOf(text: string, status: number): string {
  try {
    const { detail, errors = [] } = JSON.parse(text) as {
      detail?: string;
      errors?: { pointer?: string; detail?: string }[];
    };
    return [
      detail ?? `The edge answered ${status}.`,
      ...errors.map((one) => `  ${one.pointer ?? ""} ${one.detail ?? ""}`),
    ].join("\n");
  } catch {
    return `The edge answered ${status}: ${text.slice(0, 200)}`;
  }
}

function whole(name: string, text: string | undefined): number {
  if (text === undefined || !/^\d{1,9}$/.test(text))
    throw new SpillwayError("bad_usage", `${name} must be a whole number. ${usage}`);
  return Number(text);
}

function roomsTable(rooms: readonly RoomState[]): string {
  if (rooms.length === 0) return "This edge has no waiting rooms.";
  const head = ["room", "kind", "phase", "waiting", "at the door", "inside", "last minute", "of", "left", "message"];
  const rows = rooms.map(({ id, kind, now, line }) => [
    id,
    kind,
    line.isReachable === false ? `${now.phase} (line unreachable)` : now.phase,
    ...[line.waiting, line.atTheDoor, line.active, line.admittedLastMinute].map((one) => String(one ?? "")),
    String(now.outflowPerMinute),
    now.stock === null ? "" : String(now.stock.remaining),
    now.message ?? "",
  ]);
  return table([head, ...rows], [3, 4, 5, 6, 7, 8]);
}

function details({ id, kind, now, line, toTell }: RoomState): string {
  const { stock, bypassed } = now;
  const rows: [string, string][] = [
    ["room", `${id} (${kind}), epoch ${now.epoch}`],
    ["phase", now.phase],
    ["called", `up to ${now.cursor} of ${now.next - 1} places`],
    ...Object.entries(line).map(([name, value]): [string, string] => [name, String(value)]),
    ["stock", stock === null ? "not told" : `${stock.remaining} left, ${stock.held} held, ${stock.sold} sold`],
    [
      "beside the line",
      Object.entries(bypassed)
        .map(([reason, count]) => `${reason} ${count}`)
        .join(", ") || "nobody",
    ],
    ["to be told", `${toTell.turn} of their turn, ${toTell.restock} of a restock`],
    ["message", now.message ?? ""],
  ];
  return table(rows);
}
