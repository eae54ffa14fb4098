/**
 * Counts and times in the words of Prometheus (text format 0.0.4). Small on purpose: a count is one addition to a
 * number, a time one search in twelve bounds.
 */
export type Labels = Readonly<Record<string, string>>;

export class Metrics {
  readonly #families = new Map<string, { help: string; type: string; lines: () => string[] }>();

  /** Labels are written once, by the first call; the second is what a count costs. */
  counter(name: string, help: string): (labels: Labels) => () => void {
    const values = new Map<string, { value: number }>();
    this.#families.set(name, {
      help,
      type: "counter",
      lines: () => [...values].map(([labels, { value }]) => `${name}${labels} ${value}`),
    });
    return (labels) => {
      const key = written(labels);
      const entry = values.get(key) ?? { value: 0 };
      values.set(key, entry);
      return () => {
        entry.value += 1;
      };
    };
  }

  /** Read when it is asked for. */
  gauge(name: string, help: string, read: () => number | readonly (readonly [Labels, number])[]): void {
    this.#families.set(name, {
      help,
      type: "gauge",
      lines: () => {
        const value = read();
        return typeof value === "number"
          ? [`${name} ${value}`]
          : value.map(([labels, number]) => `${name}${written(labels)} ${number}`);
      },
    });
  }

  /** Seconds. */
  histogram(name: string, help: string): (labels: Labels) => (seconds: number) => void {
    const series = new Map<string, { labels: Labels | undefined; counts: number[]; sum: number; count: number }>();
    this.#families.set(name, {
      help,
      type: "histogram",
      lines: () =>
        [...series.values()].flatMap(({ labels, counts, sum, count }) => {
          let total = 0;
          const buckets = secondsBounds.map((bound, index) => {
            total += counts[index] ?? 0;
            return `${name}_bucket${written({ ...labels, le: String(bound) })} ${total}`;
          });
          return [
            ...buckets,
            `${name}_bucket${written({ ...labels, le: "+Inf" })} ${count}`,
            `${name}_sum${written(labels)} ${sum}`,
            `${name}_count${written(labels)} ${count}`,
          ];
        }),
    });
    return (labels) => {
      const key = written(labels);
      const entry = series.get(key) ?? { labels, counts: secondsBounds.map(() => 0), sum: 0, count: 0 };
      series.set(key, entry);
      return (seconds) => {
        entry.sum += seconds;
        entry.count += 1;
        let bucket = 0;
        while (bucket < secondsBounds.length && seconds > (secondsBounds[bucket] as number)) bucket += 1;
        if (bucket < secondsBounds.length) entry.counts[bucket] = (entry.counts[bucket] as number) + 1;
      };
    };
  }

  text(): string {
    return [...this.#families]
      .flatMap(([name, { help, type, lines }]) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines()])
      .concat("")
      .join("\n");
  }
}

const secondsBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

function written(labels: Labels | undefined): string {
  if (labels === undefined) return "";
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (sign) => (sign === "\n" ? "\\n" : `\\${sign}`))}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
