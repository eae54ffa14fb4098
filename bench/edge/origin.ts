/**
 * The shop behind the edges that are measured: raw sockets and answers made beforehand, so that it costs its core as little as
 * can be. It shares that core with the crowd.
 *
 *   /hit/SIZE/NUMBER   may be kept for a day, has a validator
 *   /pass/SIZE/NUMBER  may not be kept
 *   /asked             how many requests have come
 *
 * Prints "port NUMBER". Its standard input is a pipe from the bench, which ends when the bench does, however it ends: then the folder
 * that it was given is removed, as nobody else may be left to do it.
 */
import { rmSync } from "node:fs";

type Visitor = { received: Buffer | undefined };

const headEnd = Buffer.from("\r\n\r\n");
const space = 32;
let asked = 0;

/** Of one second: Date is in every head. */
let answers = new Map<string, Buffer>();
setInterval(() => {
  answers = new Map();
}, 1000).unref();

function answerTo(kind: string, size: number): Buffer {
  const key = `${kind}/${size}`;
  const known = answers.get(key);
  if (known !== undefined) return known;
  const body = kind === "asked" ? Buffer.from(String(asked)) : noise(size);
  const head = [
    "HTTP/1.1 200 OK",
    `Date: ${new Date().toUTCString()}`,
    // Nothing that anybody would compress: all are to send the same bytes.
    "Content-Type: image/avif",
    kind === "hit" ? "Cache-Control: public, max-age=86400" : "Cache-Control: no-store",
    ...(kind === "hit" ? [`ETag: "v1-${size}"`, "Last-Modified: Mon, 16 Nov 2026 09:00:00 GMT"] : []),
    `Content-Length: ${body.length}`,
    "",
    "",
  ].join("\r\n");
  const answer = Buffer.concat([Buffer.from(head), body]);
  if (kind !== "asked") answers.set(key, answer);
  return answer;
}

function noise(size: number): Buffer {
  let seed = 20_261_127;
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) {
    seed = (seed * 48_271) % 2_147_483_647;
    bytes[at] = seed & 255;
  }
  return bytes;
}

const server = Bun.listen<Visitor>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { received: undefined };
    },
    data(socket, chunk) {
      let bytes: Buffer = socket.data.received === undefined ? chunk : Buffer.concat([socket.data.received, chunk]);
      for (let end = bytes.indexOf(headEnd); end >= 0; end = bytes.indexOf(headEnd)) {
        const from = bytes.indexOf(space) + 2;
        const [kind = "", size] = bytes.toString("latin1", from, bytes.indexOf(space, from)).split("/");
        if (kind !== "asked") asked += 1;
        const answer = answerTo(kind, Number(size));
        if (socket.write(answer) < answer.length) {
          // Whoever asks for so much without reading is not one of those measured.
          socket.terminate();
          return;
        }
        bytes = bytes.subarray(end + 4);
      }
      socket.data.received = bytes.length === 0 ? undefined : Buffer.from(bytes);
    },
    error: (socket) => socket.terminate(),
  },
});
process.stdout.write(`port ${server.port}\n`);
await new Response(Bun.stdin.stream()).text();
const [folder] = process.argv.slice(2);
// The servers end at the same moment, and write until they do.
if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
process.exit();
