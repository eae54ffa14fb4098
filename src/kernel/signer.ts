/** Signs short texts with a key of the shop: cart cookies and order links are worth nothing when altered. */
export interface Signer {
  /** 128 bits of HMAC-SHA256, in base64url: 22 signs. */
  sign(text: string): string;
  /** In constant time. */
  verify(text: string, signature: string): boolean;
}
