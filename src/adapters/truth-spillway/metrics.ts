/** Reads Prometheus' text format (version 0.0.4) as far as counters and gauges go. */

export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};
export type Samples = readonly Sample[];

const answerMaxBytes = 16 * 1024 * 1024;

/** Rejects with a sentence when nobody answers there. */
export async function readMetrics(url: string): Promise<Samples> {
  let text: string;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    text = (await answer.text()).slice(0, answerMaxBytes);
  } catch (error) {
    throw new Error(`The metrics at ${url} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return parseMetrics(text);
}

export function parseMetrics(text: string): Samples {
  const samples: Sample[] = [];
  for (const match of text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([-+\w.]+)(?: \d+)?$/gm)) {
    const labels: Record<string, string> = {};
    for (const [, name, value] of (match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
      labels[name as string] = (value as string).replace(/\\(.)/g, (_whole, char: string) =>
        char === "n" ? "\n" : char,
      );
    samples.push({ name: match[1] as string, labels, value: Number(match[3]) });
  }
  return samples;
}

/** Of all samples of that name whose labels are these. */
export function sum(samples: Samples, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return samples
    .filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((total, { value }) => total + value, 0);
}
