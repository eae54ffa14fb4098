/**
 * The percentile distribution as HdrHistogram's `outputPercentileDistribution` writes it (`.hgrm`): what its plotters and
 * wrk2 read. Milliseconds, five steps to each halving of what is left to 100 %.
 */
import type { HistogramData } from "../result.ts";
import { Histogram, highestOf, lowestOf } from "./histogram.ts";

const ticksPerHalf = 5;
const usPerMs = 1000;

export function hgrmOf(data: HistogramData): string {
  const lines = ["       Value     Percentile TotalCount 1/(1-Percentile)", ""];
  const places = [...Histogram.from(data).places()];
  let seen = 0;
  let level = 0;
  for (const [index, count] of places) {
    seen += count;
    while (level < 100 && (100 * seen) / data.count >= level) {
      const share = level / 100;
      lines.push(line(highestOf(index), share, seen, (1 / (1 - share)).toFixed(2).padStart(14)));
      // Fixed ticks within each half of what is left (HdrHistogram, PercentileIterator).
      level += 100 / (ticksPerHalf * 2 ** (Math.floor(Math.log2(100 / (100 - level))) + 1));
      if (seen === data.count) break;
    }
  }
  const last = places.at(-1);
  if (last !== undefined) lines.push(line(highestOf(last[0]), 1, data.count, "").trimEnd());

  // As the reference counts them: every time stands in the middle of its place.
  const mean = places.reduce((sum, [index, count]) => sum + middleOf(index) * count, 0) / Math.max(data.count, 1);
  const variance =
    places.reduce((sum, [index, count]) => sum + (middleOf(index) - mean) ** 2 * count, 0) / Math.max(data.count, 1);
  const fixed = (us: number) => (us / usPerMs).toFixed(3).padStart(12);
  const buckets = Math.max(1, (last?.[0] ?? 0) >>> 10);
  lines.push(
    `#[Mean    = ${fixed(mean)}, StdDeviation   = ${fixed(Math.sqrt(variance))}]`,
    `#[Max     = ${fixed(data.maxUs)}, Total count    = ${String(data.count).padStart(12)}]`,
    `#[Buckets = ${String(buckets).padStart(12)}, SubBuckets     = ${String(2048).padStart(12)}]`,
    "",
  );
  return lines.join("\n");
}

const line = (us: number, share: number, seen: number, inverse: string): string =>
  `${(us / usPerMs).toFixed(3).padStart(12)} ${share.toFixed(12)} ${String(seen).padStart(10)} ${inverse}`;

const middleOf = (index: number): number => lowestOf(index) + Math.floor((highestOf(index) + 1 - lowestOf(index)) / 2);
