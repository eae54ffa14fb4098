/**
 * Admissions of the last 60 seconds, in buckets of a quarter of a second. What is in a bucket counts until 60 seconds after the bucket's end
 * and a quarter more: so clocks that run fast by up to 0.4 % never let one go too early.
 */

/** Bucket and count, in turns, ascending; a bucket is its distance from `from`, which is room time divided by a bucket's length. */
export type AdmissionWindow = { readonly from: number; readonly counts: readonly number[] };

export const bucketMs = 250;
export const windowMs = 60_000;
const buckets = windowMs / bucketMs + 2;

export const emptyWindow: AdmissionWindow = { from: 0, counts: [] };

/** Without the buckets that no longer count. */
export function shifted({ from, counts }: AdmissionWindow, nowMs: number): AdmissionWindow {
  const oldest = Math.floor(nowMs / bucketMs) - buckets + 1;
  let gone = 0;
  while (gone < counts.length && from + (counts[gone] as number) < oldest) gone += 2;
  if (gone === 0) return { from, counts };
  const left: number[] = [];
  for (let at = gone; at < counts.length; at += 2)
    left.push(from + (counts[at] as number) - oldest, counts[at + 1] as number);
  return left.length === 0 ? emptyWindow : { from: oldest, counts: left };
}

/** Books at `atMs`, which is now or not long ago. */
export function booked({ from, counts }: AdmissionWindow, atMs: number, count: number): AdmissionWindow {
  if (count === 0) return { from, counts };
  const bucket = Math.floor(atMs / bucketMs);
  if (counts.length === 0) return { from: bucket, counts: [0, count] };
  // What happened before all that is known counts as if it were the oldest: that is later, so it is safe.
  const place = Math.max(0, bucket - from);
  let at = counts.length;
  while (at > 0 && (counts[at - 2] as number) >= place) at -= 2;
  const next = counts.slice();
  if (next[at] === place) next[at + 1] = (next[at + 1] as number) + count;
  else next.splice(at, 0, place, count);
  return { from, counts: next };
}

export function totalOf({ counts }: AdmissionWindow): number {
  let total = 0;
  for (let at = 1; at < counts.length; at += 2) total += counts[at] as number;
  return total;
}

/** As if the last minute had been used evenly and wholly: what is assumed when it is not known. */
export function fullWindow(perMinute: number, nowMs: number): AdmissionWindow {
  const from = Math.floor(nowMs / bucketMs) - buckets + 1;
  const counts: number[] = [];
  for (let at = 0; at < buckets; at++) {
    const count = Math.ceil(((at + 1) * perMinute) / buckets) - Math.ceil((at * perMinute) / buckets);
    if (count > 0) counts.push(at, count);
  }
  return { from, counts };
}
