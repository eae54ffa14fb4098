/** `spillway rooms`: waiting rooms as their operator turns them, over the admin API of a running edge. */
import type { RoomState } from "#contract/edge-admin.ts";
import { SpillwayError } from "#kernel/error.ts";
import { runningHere } from "../running.ts";
import { args, print, table } from "./terminal.ts";

export const roomsHelp = `Waiting rooms of a running edge, over its operations port. What is changed holds at once, on all edges of the room.

  list                           all rooms: phase, waiting, inside, admitted in the last minute
  watch [ID]                     the same again every second, until Ctrl-C
  show ID                        everything that is known of one
  pause ID                       nobody is let in, places stay
  open ID                        let in, also before the time
  drain ID                       no new places; who has one is let in
  close ID                       nobody is let in any more
  resume ID                      after any of these: as the calendar and the signals say (also: auto)
  outflow ID N                   at most N in any 60 seconds (also: rate)
  active ID N                    at most N inside at once; 0: any number
  message ID TEXT                told to those who wait; "" takes it away
  stock ID REMAINING HELD SOLD   for a shop that does not tell it by itself
  invite ID [N]                  N invitation codes, told this once (1)
  preview ID [STATE]             the waiting page as HTML, on standard output
  restock ID                     who asked to be told, in the order of asking, as CSV
  restock ID --tell N            writes to the first N of them that something is back
  restock ID --forget            deletes every address that was left with the room

  --ops URL     the operations port, where it is not the one edge that this user runs on this machine
  --token TEXT  the admin token, for an edge elsewhere (SPILLWAY_ADMIN_TOKEN; of a whole shop: bin/spillway token)
  --json        what the API answered, as it is

  bin/spillway rooms watch
  bin/spillway rooms outflow drop 900
  bin/spillway rooms message drop "Delivery begins on Tuesday."
  bin/spillway rooms invite drop 50 > codes.txt
  bin/spillway rooms preview drop turn > turn.html
  bin/spillway rooms list --ops http://10.0.0.7:8001 --token "$SPILLWAY_ADMIN_TOKEN"`;

const usage =
  "usage: bin/spillway rooms list|watch|show|pause|open|drain|close|resume|outflow|active|message|stock|invite|preview|restock ID …  See --help.";
const watchEveryMs = 1000;

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
  const { ops, token } = whereOf(values, env);
  const ask = asker(ops, token);
  const told = (text: string, show: (text: string) => string): number => {
    print(values.json === true ? text : show(text));
    return 0;
  };
  if (word === "list" && id === undefined)
    return told(await ask("GET", "/edge/rooms"), (text) =>
      roomsTable((JSON.parse(text) as { rooms: RoomState[] }).rooms),
    );
  if (word === "watch") return await watch(ask, id);
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
    case "resume":
    case "auto":
      return await changed({ phase: null });
    case "rate":
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
      print(`The room knows: ${remaining} left, ${held} held, ${sold} sold.`);
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
        print(`Every address that was left with "${id}" is deleted.`);
        return 0;
      }
      if (values.tell === undefined) return told((await ask("GET", `${room}/restock`)).trimEnd(), (text) => text);
      const answer = await ask("POST", `${room}/restock`, { count: whole("--tell", values.tell) });
      return told(answer, (text) => toldWords((JSON.parse(text) as { told: number }).told));
    }
    default:
      throw new SpillwayError("bad_usage", usage);
  }
}

const toldWords = (told: number): string =>
  told === 0
    ? "Nobody was told: nobody who asked is left to be told, or there is no way to send e-mails."
    : told === 1
      ? "1 person was told."
      : `${told} people were told.`;

/** What was said; else the edge that runs here, whose note has its address and a token. */
function whereOf(
  said: { readonly ops?: string | undefined; readonly token?: string | undefined },
  env: Env,
): { readonly ops: string; readonly token: string | undefined } {
  const given = said.token ?? env.SPILLWAY_ADMIN_TOKEN;
  const { SPILLWAY_OPS_PORT: port } = env;
  const named =
    said.ops ?? (port === undefined || port === "" || port === "0" ? undefined : `http://localhost:${port}`);
  const here = runningHere(env);
  if (named !== undefined) {
    const own = here.find(({ ops }) => originOf(ops) === originOf(named));
    return { ops: named, token: given ?? own?.token };
  }
  const near = here.filter(({ folder }) => folder === process.cwd());
  const [found, another] = near.length > 0 ? near : here;
  if (found === undefined)
    throw new SpillwayError(
      "bad_usage",
      "No edge of this user runs on this machine. Start one by bin/spillway edge or up, or name the operations port of one elsewhere by --ops http://HOST:PORT and its admin token by --token.",
    );
  if (another !== undefined)
    throw new SpillwayError(
      "bad_usage",
      `Several edges run here. Say which by --ops:\n${here.map(({ ops, role, folder }) => `  --ops ${ops}   (${role}, started in ${folder})`).join("\n")}`,
    );
  return { ops: found.ops, token: given ?? found.token };
}

const originOf = (url: string): string => URL.parse(url)?.origin.replace("//127.0.0.1:", "//localhost:") ?? url;

/** Drawn again in place where somebody looks, else one table after the other. */
async function watch(ask: ReturnType<typeof asker>, id: string | undefined): Promise<number> {
  const isSeen = process.stdout.isTTY === true;
  const look = async (): Promise<string> => {
    const { rooms } = JSON.parse(await ask("GET", "/edge/rooms")) as { rooms: RoomState[] };
    if (id === undefined) return roomsTable(rooms);
    const room = rooms.find((one) => one.id === id);
    if (room !== undefined) return roomsTable([room]);
    throw new SpillwayError(
      "not_found",
      `There is no waiting room "${id}". There are ${rooms.map((one) => one.id).join(", ")}.`,
    );
  };
  for (let looks = 0; ; looks++) {
    // An edge that is started again meanwhile is seen again.
    const shown = await look().catch((error: unknown) => {
      if (looks > 0 && error instanceof SpillwayError && error.code === "origin_unavailable") return error.message;
      throw error;
    });
    print(`${isSeen ? "\u001b[H\u001b[J" : ""}${new Date().toISOString().slice(11, 19)} UTC\n${shown}`);
    await new Promise((resolve) => setTimeout(resolve, watchEveryMs));
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
      const reason = (error instanceof Error ? error.message : String(error)).split(":")[0];
      throw new SpillwayError(
        "origin_unavailable",
        `No edge answers at ${ops} (${reason}). Name its operations port by --ops, as it was printed when the edge started.`,
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
  const count = (name: string): string => String(line[name] ?? "");
  const rows: [string, string][] = [
    ["room", `${id} (${kind}), epoch ${now.epoch}`],
    ["phase", now.phase],
    ["store", `${line.isReachable === false ? "does not answer" : "answers"}; made again ${count("resumed")} times`],
    ["edges", count("edges")],
    ["called", `up to ${now.cursor} of ${now.next - 1} places; ${count("waiting")} wait`],
    ["at the door", count("atTheDoor")],
    ["inside", `${count("active")}${line.activeMax === 0 ? "" : ` of at most ${count("activeMax")}`}`],
    [
      "last minute",
      `${count("admittedLastMinute")} let in of at most ${count("outflowPerMinute")}; ${count("strandedLastMinute")} lost with an edge`,
    ],
    ["who is called", `${Math.round(Number(line.showRate) * 100)} % come`],
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
