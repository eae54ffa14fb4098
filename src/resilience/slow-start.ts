/**
 * The share of its weight that an upstream gets after it came back: its caches are cold and its connections are not yet
 * made (Envoy, "Slow start": a straight line, never below a tenth).
 */
export const slowStartLeast = 0.1;

export function slowStartShare(sinceMs: number, windowMs: number): number {
  if (sinceMs >= windowMs) return 1;
  const share = sinceMs / windowMs;
  return share > slowStartLeast ? share : slowStartLeast;
}
