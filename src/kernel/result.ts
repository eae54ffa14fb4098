/** What a shopper may meet is a value, not an exception: an answer is `ok` with a value or not, with a reason. */
export type Result<Value, Reason> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: Reason };

export const ok = <Value>(value: Value): { ok: true; value: Value } => ({ ok: true, value });
export const fail = <Reason>(reason: Reason): { ok: false; reason: Reason } => ({ ok: false, reason });
