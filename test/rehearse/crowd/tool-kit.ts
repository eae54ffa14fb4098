/** `bin/spillway rehearse` as anybody runs it, and a server to run it against; both end with the test. */
import type { RunResult } from "#rehearse/result.ts";

const root = `${import.meta.dir}/../../..`;

export type Ran = { readonly exitCode: number; readonly out: string; readonly errors: string; result(): RunResult };
export type Running = {
  readonly pid: number;
  readonly errors: () => string;
  readonly ended: Promise<Ran>;
  kill(signal: NodeJS.Signals): void;
};

export function startRehearse(args: readonly string[]): Running {
  const child = Bun.spawn([`${root}/bin/spillway`, "rehearse", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let errors = "";
  const reading = (async () => {
    for await (const chunk of child.stderr) errors += new TextDecoder().decode(chunk);
  })();
  const ended = (async (): Promise<Ran> => {
    const out = await new Response(child.stdout).text();
    await reading;
    const exitCode = await child.exited;
    return {
      exitCode,
      out,
      errors,
      result: () => {
        try {
          return JSON.parse(out) as RunResult;
        } catch {
          throw new Error(`no result was printed: ${out}${errors}`);
        }
      },
    };
  })();
  return { pid: child.pid, errors: () => errors, ended, kill: (signal) => child.kill(signal) };
}

export const rehearse = async (...args: string[]): Promise<Ran> => await startRehearse(args).ended;

/** A run that its generator calls void, since a neighbour had the machine, says nothing: it is played again, twice at most. */
export async function rehearseValidly(args: () => Promise<string[]>): Promise<Ran> {
  for (let time = 1; ; time++) {
    const ran = await rehearse(...(await args()));
    if (ran.exitCode !== 3 || time === 3) return ran;
  }
}

export async function startFreezingServer(fromMs = 0, forMs = 0): Promise<AsyncDisposable & { readonly url: string }> {
  const child = Bun.spawn(
    [process.execPath, `${root}/bench/rehearse/freezing-server.ts`, String(fromMs), String(forMs)],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  const { value } = await child.stdout.getReader().read();
  return {
    url: `http://127.0.0.1:${Number(new TextDecoder().decode(value))}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
