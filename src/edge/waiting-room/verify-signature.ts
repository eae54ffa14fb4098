/** Ed25519 (RFC 8032) as WebCrypto has it in every runtime, so that whoever checks a document needs no key store and no library. */

/** `key`: raw, 32 bytes; both base64url. False for whatever is no key or no signature. */
export async function verifySignature(key: string, text: string, signature: string): Promise<boolean> {
  const base64url = { alphabet: "base64url" } as const;
  try {
    const imported = await crypto.subtle.importKey("raw", Uint8Array.fromBase64(key, base64url), "Ed25519", false, [
      "verify",
    ]);
    const bytes = Uint8Array.fromBase64(signature, base64url);
    return await crypto.subtle.verify("Ed25519", imported, bytes, new TextEncoder().encode(text));
  } catch {
    // Neither a key nor a signature of another length is an answer, and the reason is nobody's concern but its maker's.
    return false;
  }
}
