/**
 * One role as a child process that can be killed, paused and started again. Only what was started here is ever touched:
 * a signal goes to our own child while it lives, never to a number that may have become somebody else's.
 *
 * down -> starting -> up <-> paused; any of them -> down
 */
import { SpillwayError } from "#kernel/error.ts";

export type Member = {
  readonly name: string;
  readonly state: () => "down" | "up" | "paused";
  /** Resolves once it says that it is ready. */
  start(extra?: Readonly<Record<string, string>>): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** SIGTERM: what is under way ends. */
  stop(): Promise<void>;
  pause(): void;
  resume(): void;
  readonly output: () => string;
};

export type MemberOptions = {
  readonly name: string;
  /** The words of the command line. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

const readyWithinMs = 60_000;
const stopWithinMs = 25_000;
const outputMaxChars = 200_000;

/**
 * The shell leaves a watcher behind and turns into the program: should we be killed, our end of the pipe closes without
 * its word, and the watcher ends the program. A drill that is cut off leaves nothing running.
 */
const watchedStart = `exec 3<&0 </dev/null
(
  trap '' HUP INT TERM
  read -r word <&3
  [ "$word" = done ] || kill -KILL $$
) >/dev/null 2>&1 &
exec "$@" 3<&-`;

export function createMember({ name, words, env }: MemberOptions): Member {
  let child: Bun.Subprocess<"pipe", "pipe", "pipe"> | undefined;
  let isPaused = false;
  let output = "";
  const running = () =>
    child !== undefined && child.exitCode === null && child.signalCode === null ? child : undefined;
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    const victim = running();
    if (victim === undefined) return;
    // A paused process hears nothing but SIGKILL.
    if (isPaused && signal === "SIGTERM") victim.kill("SIGCONT");
    victim.kill(signal);
    const late = setTimeout(() => victim.kill("SIGKILL"), stopWithinMs);
    await victim.exited;
    clearTimeout(late);
    isPaused = false;
  };

  return {
    name,
    state: () => (running() === undefined ? "down" : isPaused ? "paused" : "up"),
    output: () => output,
    async start(extra = {}) {
      if (running() !== undefined) return;
      output = "";
      const command = [process.execPath, `${import.meta.dir}/../../main.ts`, ...words];
      const started = Bun.spawn(["/bin/sh", "-c", watchedStart, "sh", ...command], {
        env: { ...env, ...extra },
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe",
        // Ctrl-C is for us: we decide in which order they end.
        detached: true,
      });
      child = started;
      for (const stream of [started.stdout, started.stderr]) void keep(stream);
      void started.exited.then(async () => {
        await started.stdin.write("done\n");
        await started.stdin.end();
      });
      const giveUpAt = performance.now() + readyWithinMs;
      while (!output.includes("operations http")) {
        if (started.exitCode !== null || started.signalCode !== null || performance.now() > giveUpAt) {
          await end("SIGKILL");
          throw new SpillwayError("internal", `${name} did not become ready:\n${output.slice(-2000)}`);
        }
        await Bun.sleep(20);
      }
    },
    kill: async () => await end("SIGKILL"),
    stop: async () => await end("SIGTERM"),
    pause() {
      running()?.kill("SIGSTOP");
      isPaused = running() !== undefined;
    },
    resume() {
      running()?.kill("SIGCONT");
      isPaused = false;
    },
  };

  async function keep(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream)
      output = (output + decoder.decode(chunk, { stream: true })).slice(-outputMaxChars);
  }
}
