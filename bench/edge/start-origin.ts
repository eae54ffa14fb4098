/** Starts the origin of the edges that are measured; see origin.ts. It removes `folder` when the bench has ended. */

export async function startOrigin(before: readonly string[], folder: string) {
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
    asked: async () => Number(await (await fetch(`http://127.0.0.1:${port}/asked`)).text()),
    async stop() {
      await child.stdin.end();
      await child.exited;
    },
  };
}
