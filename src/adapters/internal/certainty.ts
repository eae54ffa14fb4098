/**
 * A later call that fails proves nothing about an earlier one whose answer was lost: the key may have been revoked, the
 * network cut, the limit reached in between. So `failed` and `rate_limited` become `unknown` once a request has been
 * uncertain, and only the provider's own word about the attempt settles it (promise 2 of the payment port).
 */
type Uncertain = { readonly kind: "unknown"; readonly reason: string };

export function onlyIfCertain<const Outcome extends { readonly kind: string }>(
  request: { readonly unknownSinceMs: number | null },
  outcome: Outcome,
): Outcome | Uncertain {
  if (request.unknownSinceMs === null) return outcome;
  if (outcome.kind !== "failed" && outcome.kind !== "rate_limited") return outcome;
  return { kind: "unknown", reason: "An earlier call is still without an answer, and this one settled nothing." };
}
