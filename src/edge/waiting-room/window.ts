/**
 * Admissions of the last 60 seconds, in buckets of a quarter of a second. What is in a bucket counts until 60 seconds after the bucket's end
 * and a quarter more: so clocks that run fast by up to 0.4 % never let one go too early.
 */

/** `counts[0]` belongs to the bucket with index `first`; an index is room time divided by a bucket's length. */
export type AdmissionWindow = { readonly first: number; readonly counts: readonly number[] };

export const bucketMs = 250;
export const windowMs = 60_000;
const buckets = windowMs / bucketMs + 2;

export const emptyWindow: AdmissionWindow = { first: 0, counts: [] };

/** Without the buckets that no longer count. */
export function shifted({ first, counts }: AdmissionWindow, nowMs: number): AdmissionWindow {
  const oldest = Math.floor(nowMs / bucketMs) - buckets + 1;
  if (counts.length === 0 || oldest <= first) return { first, counts };
  const gone = oldest - first;
  return gone >= counts.length ? emptyWindow : { first: oldest, counts: counts.slice(gone) };
}

/** Books at `atMs`, which is now or not long ago. */
export function booked(window: AdmissionWindow, atMs: number, count: number): AdmissionWindow {
  if (count === 0) return window;
  const index = Math.floor(atMs / bucketMs);
  if (window.counts.length === 0) return { first: index, counts: [count] };
  // What happened before all that is known counts as if it were the oldest: that is later, so it is safe.
  const at = Math.max(0, index - window.first);
  const counts = window.counts.slice();
  while (counts.length <= at) counts.push(0);
  counts[at] = (counts[at] as number) + count;
  return { first: window.first, counts };
}

export function totalOf({ counts }: AdmissionWindow): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

/** As if the last minute had been used evenly and wholly: what is assumed when it is not known. */
export function fullWindow(perMinute: number, nowMs: number): AdmissionWindow {
  const last = Math.floor(nowMs / bucketMs);
  const first = last - buckets + 1;
  const counts: number[] = [];
  for (let at = 0; at < buckets; at++) {
    counts.push(Math.ceil(((at + 1) * perMinute) / buckets) - Math.ceil((at * perMinute) / buckets));
  }
  return { first, counts };
}
