/** Requests from a handful of addresses, far more than people make: what a bot storm is to an edge. */
const perSecondMax = 500;
const underWayMax = 500;

export async function botStorm(
  options: { readonly url: string; readonly perSecond: number; readonly seconds: number; readonly addresses: number },
  signal: AbortSignal,
): Promise<{ asked: number; served: number; refused: number; failed: number }> {
  const perSecond = Math.min(options.perSecond, perSecondMax);
  const counts = { asked: 0, served: 0, refused: 0, failed: 0 };
  const underWay = new Set<Promise<void>>();
  const endsAt = performance.now() + options.seconds * 1000;
  for (let next = performance.now(); next < endsAt && !signal.aborted; next += 1000 / perSecond) {
    await Bun.sleep(Math.max(next - performance.now(), 0));
    if (underWay.size >= underWayMax) continue;
    counts.asked += 1;
    const asking = fetch(options.url, {
      // Documentation addresses (RFC 5737): nobody's.
      headers: { "x-forwarded-for": `203.0.113.${counts.asked % options.addresses}`, "cache-control": "no-cache" },
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    }).then(
      async (response) => {
        await response.arrayBuffer();
        if (response.status === 429) counts.refused += 1;
        else if (response.status < 500) counts.served += 1;
        else counts.failed += 1;
      },
      () => {
        counts.failed += 1;
      },
    );
    underWay.add(asking);
    void asking.finally(() => underWay.delete(asking)).catch(() => undefined);
  }
  await Promise.allSettled(underWay);
  return counts;
}
