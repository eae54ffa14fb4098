/**
 * The edges that are measured, each with the best settings for one core that its manual knows: no log, kept-alive upstream
 * connections, everything cached in memory. Limits that never refuse: ours and nginx's count every request by its address;
 * HAProxy and Varnish run without.
 *
 * Each runs in the folder of the bench and ends with it, also when it is killed (setpriv, where there is one).
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Server = {
  readonly name: ServerName;
  readonly pid: number;
  readonly port: number;
  /** Undefined: it speaks no TLS. */
  readonly tls?: { readonly port: number; readonly pid: number };
  stop(): Promise<void>;
};
export const serverNames = ["spillway", "nginx", "varnish", "haproxy"] as const;
export type ServerName = (typeof serverNames)[number];

export type Ground = {
  /** On tmpfs where there is one. */
  readonly folder: string;
  readonly originPort: number;
  /** Words in front of a server's command that pin it to its core. */
  readonly before: readonly string[];
  readonly certificate: { readonly certFile: string; readonly keyFile: string } | undefined;
};

const startsWithinMs = 15_000;
const cacheBytes = 1024 * 1024 * 1024;
/** HAProxy wants two open files for each, nginx as many again for what it has cached; a usual limit is 20,000. */
const connectionsMax = 8000;

const programs: Readonly<Record<Exclude<ServerName, "spillway">, string>> = {
  nginx: "nginx",
  varnish: "varnishd",
  haproxy: "haproxy",
};

/** Debian keeps servers where only root looks. */
const placesToLook = `${process.env.PATH ?? ""}:/usr/sbin:/usr/local/sbin`;
export const programOf = (name: Exclude<ServerName, "spillway"> | "wrk"): string | null =>
  Bun.which(name === "wrk" ? name : programs[name], { PATH: placesToLook });

export async function startServer(name: ServerName, ground: Ground): Promise<Server | undefined> {
  const folder = join(ground.folder, name);
  mkdirSync(folder, { mode: 0o755 });
  if (name === "spillway") return await startSpillway(folder, ground);
  const program = programOf(name);
  if (program === null) return undefined;
  const port = freePort();
  const tlsPort = ground.certificate === undefined || name === "varnish" ? undefined : freePort();
  const command = { nginx: nginxCommand, varnish: varnishCommand, haproxy: haproxyCommand }[name]({
    program,
    folder,
    port,
    tlsPort,
    ground,
  });
  const child = run(command, ground, folder);
  const stop = async () => await ended(child);
  try {
    await listening(port, child, folder);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name,
    pid: child.pid,
    port,
    ...(tlsPort === undefined ? {} : { tls: { port: tlsPort, pid: child.pid } }),
    stop,
  };
}

type PeerOptions = {
  readonly program: string;
  readonly folder: string;
  readonly port: number;
  readonly tlsPort: number | undefined;
  readonly ground: Ground;
};

/** One process for HTTP and one for TLS: a Spillway has one listener. */
async function startSpillway(folder: string, ground: Ground): Promise<Server> {
  const start = async (label: string, tls: Ground["certificate"]) => {
    const config = join(folder, `${label}.json`);
    writeFileSync(
      config,
      JSON.stringify({
        listen: { port: 0, host: "127.0.0.1", ...(tls === undefined ? {} : { tls }) },
        opsPort: 0,
        upstreams: [{ url: `http://127.0.0.1:${ground.originPort}` }],
        limits: { policies: [{ name: "address", by: "address", perSecond: 10_000_000, burst: 10_000_000 }] },
        cache: { maxBytes: cacheBytes },
        // The crowd comes as one: no more of it is under way than its connections.
        shedding: { initial: 1000, most: 1000 },
        balancing: { connectionsMax: 1000 },
      }),
    );
    const command = [`${import.meta.dir}/../../bin/spillway`, "edge", "--config", config];
    const child = run(command, ground, folder, "pipe");
    const line = await firstLine(child.stdout as ReadableStream<Uint8Array>);
    const port = Number(/^ready \S+:(\d+)/.exec(line)?.[1]);
    if (!Number.isInteger(port)) {
      await ended(child);
      throw new Error(`the edge did not start: ${line}\n${logOf(folder)}`);
    }
    return { child, port };
  };
  const plain = await start("http", undefined);
  const secure = ground.certificate === undefined ? undefined : await start("tls", ground.certificate);
  return {
    name: "spillway",
    pid: plain.child.pid,
    port: plain.port,
    ...(secure === undefined ? {} : { tls: { port: secure.port, pid: secure.child.pid } }),
    async stop() {
      await Promise.all([ended(plain.child), ...(secure === undefined ? [] : [ended(secure.child)])]);
    },
  };
}

function nginxCommand({ program, folder, port, tlsPort, ground }: PeerOptions): string[] {
  const { certificate } = ground;
  const proxy = `proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`;
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
worker_rlimit_nofile ${2 * connectionsMax};
pid ${folder}/nginx.pid;
error_log ${folder}/log error;
events { worker_connections ${2 * connectionsMax}; multi_accept on; }
http {
  access_log off;
  server_tokens off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  open_file_cache max=${connectionsMax} inactive=1h;
  open_file_cache_valid 1h;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${folder}/${what};`).join(" ")}
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=kept:64m max_size=${cacheBytes} inactive=1h use_temp_path=off;
  limit_req_zone $binary_remote_addr zone=address:16m rate=1000000r/s;
  upstream origin { server 127.0.0.1:${ground.originPort}; keepalive 1024; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=8192;
    ${tlsPort === undefined || certificate === undefined ? "" : `listen 127.0.0.1:${tlsPort} ssl backlog=8192; ssl_certificate ${certificate.certFile}; ssl_certificate_key ${certificate.keyFile};`}
    limit_req zone=address burst=1000000 nodelay;
    location / {
      ${proxy}
      proxy_cache kept;
      proxy_cache_lock on;
    }
    location /pass/ { ${proxy} }
  }
}
`,
  );
  return [program, "-p", folder, "-e", `${folder}/log`, "-c", file];
}

function varnishCommand({ program, folder, port, ground }: PeerOptions): string[] {
  const file = join(folder, "edge.vcl");
  writeFileSync(
    file,
    `vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "${ground.originPort}"; }
sub vcl_recv {
  if (req.url ~ "^/pass/") { return (pass); }
  // Cookies do not change these pages.
  return (hash);
}
`,
  );
  const parameters = [
    "thread_pools=1",
    "thread_pool_min=100",
    "thread_queue_limit=10000",
    "vsl_mask=-VCL_call,-VCL_return",
  ];
  return [
    program,
    ...["-F", "-j", "none", "-n", `${folder}/work`, "-a", `127.0.0.1:${port}`, "-f", file],
    ...["-s", `malloc,${cacheBytes}`],
    ...parameters.flatMap((parameter) => ["-p", parameter]),
  ];
}

function haproxyCommand({ program, folder, port, tlsPort, ground }: PeerOptions): string[] {
  const { certificate } = ground;
  const bind: string[] = [`bind 127.0.0.1:${port} backlog 8192`];
  if (tlsPort !== undefined && certificate !== undefined) {
    const both = join(folder, "both.pem");
    writeFileSync(both, readFileSync(certificate.certFile, "utf8") + readFileSync(certificate.keyFile, "utf8"), {
      mode: 0o600,
    });
    bind.push(`bind 127.0.0.1:${tlsPort} ssl crt ${both} backlog 8192`);
  }
  const file = join(folder, "haproxy.cfg");
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn ${connectionsMax}
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 75s
  timeout server 30s
cache kept
  total-max-size ${cacheBytes / 1024 / 1024}
  max-object-size 1000000
  max-age 86400
frontend edge
  ${bind.join("\n  ")}
  option forwardfor
  use_backend cached if { path_beg /hit/ }
  default_backend passed
backend cached
  http-request cache-use kept
  http-response cache-store kept
  server origin 127.0.0.1:${ground.originPort}
backend passed
  server origin 127.0.0.1:${ground.originPort}
`,
  );
  return [program, "-db", "-f", file];
}

type Child = Bun.Subprocess<"ignore", "pipe" | "ignore" | Bun.BunFile, Bun.BunFile>;

function run(command: string[], ground: Ground, folder: string, stdout?: "pipe"): Child {
  const log = Bun.file(join(folder, "log"));
  return Bun.spawn([...ground.before, ...command], {
    stdin: "ignore",
    stdout: stdout ?? log,
    stderr: log,
    // Ctrl-C is for the bench, which then ends them.
    detached: true,
    env: { PATH: placesToLook, HOME: process.env.HOME },
  });
}

async function ended(child: Child): Promise<void> {
  child.kill("SIGTERM");
  if ((await Promise.race([child.exited, Bun.sleep(5000)])) === undefined) child.kill("SIGKILL");
  await child.exited;
}

function logOf(folder: string): string {
  try {
    return readFileSync(join(folder, "log"), "utf8").slice(0, 2000);
  } catch {
    return "";
  }
}

/** A port that nobody had a moment ago. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function listening(port: number, child: Child, folder: string): Promise<void> {
  const giveUpAt = Date.now() + startsWithinMs;
  while (Date.now() < giveUpAt) {
    if (child.exitCode !== null) throw new Error(`it ended at once: ${logOf(folder)}`);
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/pass/1/0000000`);
      await answer.arrayBuffer();
      if (answer.status === 200) return;
    } catch {
      // Not yet.
    }
    await Bun.sleep(50);
  }
  throw new Error(`it did not answer within ${startsWithinMs / 1000} s: ${logOf(folder)}`);
}

/** What a program that says "ready …" says first, or all that it said if it ended without. */
export async function firstLine(output: ReadableStream<Uint8Array>): Promise<string> {
  const reader = output.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
  // What comes later is read and dropped, so that nobody ever waits for a full pipe.
  void (async () => {
    while (!(await reader.read()).done);
  })().catch(() => undefined);
  return text.slice(0, text.indexOf("\n"));
}
