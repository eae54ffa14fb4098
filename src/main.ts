/** The words of the command line, each to a role or a tool. */
import { SpillwayError } from "#kernel/error.ts";
import { readConfig, settings } from "#roles/config.ts";
import { version } from "#roles/version.ts";

type Command = {
  readonly words: string;
  readonly summary: string;
  /** Left out where the word says more about itself. */
  readonly help?: string;
  /** Resolves with the exit code. */
  readonly run: (args: string[]) => Promise<number>;
};

const config = () => readConfig(process.env);

const commands: Record<string, Command> = {
  up: {
    words: "up",
    summary: "run the whole shop on this machine",
    help: "Starts Postgres in the data folder (or uses DATABASE_URL), the shop, its workers and the operations port.\nCtrl-C finishes what is under way and stops everything.\n\n  bin/spillway up\n  PORT=8090 SPILLWAY_OPS_PORT=8091 SPILLWAY_DATA=/srv/shop bin/spillway up",
    run: async () => await (await import("#roles/run.ts")).run(config(), ["shop", "worker"], process.env),
  },
  shop: {
    words: "shop",
    summary: "run the shop alone, beside workers elsewhere",
    help: "Needs DATABASE_URL when workers run in other processes.\n\n  DATABASE_URL=postgres://… bin/spillway shop",
    run: async () => await (await import("#roles/run.ts")).run(config(), ["shop"], process.env),
  },
  worker: {
    words: "worker",
    summary: "run a worker alone: charges, refunds, notices",
    help: "Any number of them may run on one DATABASE_URL.\n\n  DATABASE_URL=postgres://… SPILLWAY_OPS_PORT=8082 bin/spillway worker",
    run: async () => await (await import("#roles/run.ts")).run(config(), ["worker"], process.env),
  },
  edge: {
    words: "edge --origin URL",
    summary: "run the edge alone, in front of any web shop",
    run: async (args) => await (await import("#roles/edge.ts")).runEdge(args, process.env),
  },
  warm: {
    words: "warm --sitemap URL | --urls FILE",
    summary: "fill the edge's cache before the crowd comes",
    run: async (args) => await (await import("#roles/tools/warm.ts")).warmTool(args),
  },
  publish: {
    words: "publish --sitemap URL | --urls FILE",
    summary: "keep pages as static files, shown while the origin is gone",
    run: async (args) => await (await import("#roles/tools/publish.ts")).publishTool(args),
  },
  rooms: {
    words: "rooms list|show|pause|open|drain|close|outflow|message|invite|restock ID",
    summary: "see and turn the waiting rooms of a running edge",
    run: async (args) => {
      const { roomsHelp, roomsTool } = await import("#roles/tools/rooms.ts");
      if (!args.includes("--help") && !args.includes("-h")) return await roomsTool(args, process.env);
      process.stdout.write(`${roomsHelp}\n`);
      return 0;
    },
  },
  conformance: {
    words: "conformance cache --suite DIR",
    summary: "hold the edge's cache to the public suite http-tests/cache-tests",
    run: async (args) => await (await import("#roles/tools/conformance.ts")).conformanceTool(args),
  },
  rehearse: {
    words: "rehearse PLAN | --url URL",
    summary: "play a crowd against a shop, and say honestly whether it held",
    run: async (args) => await (await import("#roles/tools/rehearse.ts")).rehearseTool(args, process.env),
  },
  migrate: {
    words: "migrate",
    summary: "bring the database to this version's schema",
    help: "Safe to run again, and from several machines at once. `up` does it by itself.\n\n  bin/spillway migrate",
    run: async () => await (await import("#roles/tools/migrate.ts")).migrateTool(config()),
  },
  catalogue: {
    words: "catalogue import|export FILE",
    summary: "bring products in or out as Shopify's product CSV",
    help: "Every complaint is listed by line; products without an error are imported.\nFILE may be - for standard input or output.\n\n  bin/spillway catalogue import products.csv\n  bin/spillway catalogue import products.csv --dry-run\n  bin/spillway catalogue export products.csv",
    run: async (args) => await (await import("#roles/tools/catalogue.ts")).catalogueTool(config(), args),
  },
  stock: {
    words: "stock show|set|receive|adjust SKU NUMBER",
    summary: "see and change what is on hand",
    help: "set counts what is there, receive adds a delivery, adjust corrects (may be negative).\n\n  bin/spillway stock show\n  bin/spillway stock set AURORA-LAMP 500\n  bin/spillway stock receive AURORA-LAMP 120 --location main --reason 'delivery 4711'\n  bin/spillway stock adjust AURORA-LAMP -3 --reason broken\n  bin/spillway stock policy AURORA-LAMP --safety-percent 10 --low-stock-at 25",
    run: async (args) => await (await import("#roles/tools/stock.ts")).stockTool(config(), args),
  },
  order: {
    words: "order show|list|cancel|refund|pack|ship|deliver|delay NUMBER",
    summary: "see an order and take its next step",
    help: "  bin/spillway order show SGSXPXT89\n  bin/spillway order list --status action_required\n  bin/spillway order cancel SGSXPXT89 --reason 'asked by phone'\n  bin/spillway order refund SGSXPXT89 --amount 12.50\n  bin/spillway order ship SGSXPXT89 --carrier Posten --tracking 370123\n  bin/spillway order delay SGSXPXT89 --text 'The lamp arrives a week later.'",
    run: async (args) => await (await import("#roles/tools/order.ts")).orderTool(config(), args),
  },
  verify: {
    words: "verify",
    summary: "check every invariant against the database",
    help: "Prints each promise with how many rows were looked at. Exit code 4 on any breach.\n\n  bin/spillway verify\n  bin/spillway verify --json",
    run: async (args) => await (await import("#roles/tools/verify.ts")).verifyTool(config(), args),
  },
  "verify-draw": {
    words: "verify-draw RECEIPT",
    summary: "check a waiting room's receipt, or its whole draw, without the shop",
    run: async (args) => await (await import("#roles/tools/verify-draw.ts")).verifyDrawTool(args),
  },
  reconcile: {
    words: "reconcile",
    summary: "lay the payment providers' books beside ours",
    help: "Finds every charge without an order and every order without its charge; settles what was only late.\n\n  bin/spillway reconcile --hours 48",
    run: async (args) => await (await import("#roles/tools/reconcile.ts")).reconcileTool(config(), args),
  },
  token: {
    words: "token",
    summary: "print the admin API's token",
    help: '  curl -H "Authorization: Bearer $(bin/spillway token)" http://localhost:8080/api/admin/orders',
    run: async () => await (await import("#roles/tools/token.ts")).tokenTool(config()),
  },
  drill: {
    words: "drill FILE | --list",
    summary: "play one trouble on a shop of its own, and see whether shoppers notice",
    run: async (args) => await (await import("#roles/tools/drill.ts")).drillTool(args, process.env),
  },
  faults: {
    words: "faults",
    summary: "put trouble between two programs: a TCP proxy with toxiproxy's HTTP API",
    help: 'Any client of toxiproxy drives it. It listens on this machine alone unless --host says otherwise.\n\n  --listen PORT    the API\'s port (8474)\n  --host ADDRESS   the API\'s address (127.0.0.1)\n  --config FILE    proxies to begin with: what POST /populate takes\n\n  bin/spillway faults\n  curl -X POST localhost:8474/proxies -d \'{"name": "db", "listen": "127.0.0.1:6432", "upstream": "127.0.0.1:5432"}\'\n  curl -X POST localhost:8474/proxies/db/toxics -d \'{"type": "latency", "attributes": {"latency": 500, "jitter": 100}}\'\n  curl -X DELETE localhost:8474/proxies/db/toxics/latency_downstream',
    run: async (args) => await (await import("#roles/tools/faults.ts")).faultsTool(args),
  },
  bench: {
    words: "bench orders|edge|seeing|waiting-room|rehearse|peers",
    summary: "measure this machine, beside the field's best where they are installed",
    help: "orders: starts its own shop and database in a scratch folder; the same orders without HTTP are measured beside it.\nedge: starts the edge and whichever of nginx, Varnish and HAProxy are installed, each on one core, the crowd on another.\nseeing: what counters, times, traces and the access log cost a request, beside the same edge without them; 4 above 3 µs.\nwaiting-room: joins, a million who wait, what a pass costs, and the time to resume after everything was lost.\nrehearse: the crowd beside wrk, hey, autocannon, Artillery and k6; those of npm are installed into a scratch folder (--peers DIR keeps them).\npeers: the same sale on Spillway, Vendure and Medusa, and what their books say of it.\nAll print a table and, last, one line of JSON.\n\n  bin/spillway bench orders --seconds 5\n  bin/spillway bench edge --quick\n  bin/spillway bench edge --only hits2k,forward --seconds 3 --rounds 5\n  bin/spillway bench rehearse --peers peers/",
    run: async (args) => await (await import("#roles/tools/bench.ts")).benchTool(args),
  },
};

function overview(): string {
  const width = Math.max(...Object.values(commands).map((command) => command.words.length));
  const lines = Object.values(commands).map((command) => `  ${command.words.padEnd(width)}  ${command.summary}`);
  const settingWidth = 28;
  return `spillway ${version}: keeps a shop selling when everybody comes at once

usage: bin/spillway WORD …
${lines.join("\n")}

  bin/spillway WORD --help shows examples.

settings, from the environment:
${settings.map(([name, meaning]) => (name.length > settingWidth ? `  ${name}\n  ${" ".repeat(settingWidth)}  ${meaning}` : `  ${name.padEnd(settingWidth)}  ${meaning}`)).join("\n")}
`;
}

async function main(args: string[]): Promise<number> {
  const [word, ...rest] = args;
  if (word === undefined || word === "--help" || word === "-h" || word === "help") {
    process.stdout.write(overview());
    return 0;
  }
  if (word === "--version" || word === "-v") {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, word) ? commands[word] : undefined;
  if (command === undefined) {
    process.stderr.write(
      `spillway: there is no word "${word}". The words are ${Object.keys(commands).join(", ")}; see bin/spillway --help.\n`,
    );
    return 2;
  }
  if (command.help !== undefined && (rest.includes("--help") || rest.includes("-h"))) {
    process.stdout.write(`usage: bin/spillway ${command.words}\n${command.summary}\n\n${command.help}\n`);
    return 0;
  }
  try {
    return await command.run(rest);
  } catch (error) {
    if (error instanceof SpillwayError) {
      process.stderr.write(`spillway: ${error.message}\n`);
      return ["bad_usage", "bad_config", "invalid_request"].includes(error.code) ? 2 : 1;
    }
    process.stderr.write(`spillway: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  }
}

process.exit(await main(process.argv.slice(2)));
