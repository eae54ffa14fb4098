/** The two things that any drill may do: call an address over HTTP, and run a program. What they answer is bounded. */
import type { DrillProviders } from "#rehearse/drills/ports.ts";

const answerMaxBytes = 4 * 1024 * 1024;
const outputMaxBytes = 1024 * 1024;

export function createDrillProviders(env: Readonly<Record<string, string | undefined>>): DrillProviders {
  return {
    async http({ url, method, headers, body, verifyTls, timeoutMs }, signal) {
      const response = await fetch(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        redirect: "follow",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        ...(verifyTls ? {} : { tls: { rejectUnauthorized: false } }),
      }).catch((error: unknown) => {
        if (signal.aborted) throw new Error("it was cut short: the method had ended");
        if (error instanceof Error && error.name === "TimeoutError")
          throw new Error(`${url} did not answer within ${timeoutMs / 1000} s`);
        throw new Error(`${url} cannot be reached: ${error instanceof Error ? error.message : String(error)}`);
      });
      const text = await read(response.body, answerMaxBytes);
      const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: isJson && text !== "" ? (JSON.parse(text) as unknown) : text,
      };
    },

    async process({ path, arguments: given, timeoutMs }, signal) {
      const name = path.startsWith("~/") ? `${env.HOME ?? ""}${path.slice(1)}` : path;
      const program = Bun.which(name, { PATH: env.PATH ?? "" });
      if (program === null) throw new Error(`there is no program ${path}`);
      const command = typeof given === "string" ? ["/bin/sh", "-c", `exec ${program} ${given}`] : [program, ...given];
      const ending = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const child = Bun.spawn(command, {
        env,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        signal: ending,
        killSignal: "SIGTERM",
      });
      const [stdout, stderr] = await Promise.all([
        read(child.stdout, outputMaxBytes),
        read(child.stderr, outputMaxBytes),
      ]);
      const status = await child.exited;
      if (signal.aborted) throw new Error("it was cut short: the method had ended");
      if (ending.aborted) throw new Error(`${path} took longer than ${timeoutMs / 1000} s`);
      return { status, stdout, stderr };
    },
  };
}

/** All is read, so that whoever writes can end; what is too much is not kept. */
async function read(stream: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<string> {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream ?? []) {
    if (bytes < maxBytes) kept.push(chunk.subarray(0, maxBytes - bytes));
    bytes += chunk.length;
  }
  return Buffer.concat(kept).toString();
}
