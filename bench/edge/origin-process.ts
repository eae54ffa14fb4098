/** The origin as the bench holds it: where it listens, how often it was asked, and its end. */

export type OriginProcess = {
  readonly port: number;
  readonly pid: number;
  asked(): Promise<number>;
  stop(): Promise<void>;
};

/** `folder`: removed when the bench ends. */
export async function startOrigin(before: readonly string[], folder: string): Promise<OriginProcess> {
  const child = Bun.spawn([...before, process.execPath, `${import.meta.dir}/origin.ts`, folder], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    detached: true,
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const port = Number(/^port (\d+)/.exec(new TextDecoder().decode(value))?.[1]);
  return {
    port,
    pid: child.pid,
    asked: async () => Number(await (await fetch(`http://127.0.0.1:${port}/asked`)).text()),
    async stop() {
      await child.stdin.end();
      await child.exited;
    },
  };
}
