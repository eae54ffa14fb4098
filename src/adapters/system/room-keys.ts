/** A waiting room's keys, all derived (HKDF, RFC 5869) from the secret that edges beside each other share, and a key id. */
import {
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
  timingSafeEqual,
} from "node:crypto";
import { CryptoHasher } from "bun";
import type { RoomKeys } from "#edge/waiting-room/ports.ts";

const macBytes = 16;
/** What an HMAC may be written into must have room for, whichever hash it is. */
const longestDigestBytes = 64;
/** RFC 8410: what stands before the 32 bytes of an Ed25519 private key in PKCS #8. */
const ed25519Prefix = Buffer.from("302e020100300506032b657004220420", "hex");
/** Of a public key in SPKI: the raw one is behind it. */
const spkiPrefixBytes = 12;

/** `secrets`: the newest first, whose id signs; ids are 0 to 255. Older ones only verify, for as long as their tokens last. */
export function createRoomKeys(secrets: readonly { readonly id: number; readonly secret: Uint8Array }[]): RoomKeys {
  const newest = secrets[0];
  if (newest === undefined) throw new Error("A waiting room needs a secret.");
  const macs = new Map<number, CryptoHasher>();
  const documentKeys: Record<number, string> = {};
  let documentKey: KeyObject | undefined;
  for (const { id, secret } of secrets) {
    if (!Number.isInteger(id) || id < 0 || id > 255 || macs.has(id))
      throw new RangeError(`Key ids are different whole numbers from 0 to 255, and not ${id}.`);
    macs.set(id, new CryptoHasher("sha256", derived(secret, `tokens ${id}`)));
    const key = createPrivateKey({
      key: Buffer.concat([ed25519Prefix, derived(secret, `documents ${id}`)]),
      format: "der",
      type: "pkcs8",
    });
    documentKey ??= key;
    documentKeys[id] = createPublicKey(key)
      .export({ format: "der", type: "spki" })
      .subarray(spkiPrefixBytes)
      .toString("base64url");
  }
  const signer = documentKey as KeyObject;
  // Making bytes for each, and a view of them, costs as much as the HMAC.
  const digest = new Uint8Array(longestDigestBytes);
  const mac = digest.subarray(0, macBytes);

  return {
    keyId: newest.id,
    mac(keyId, bytes) {
      // A copy keeps the key's part of the work done.
      const hasher = macs.get(keyId)?.copy();
      if (hasher === undefined) return undefined;
      hasher.update(bytes).digest(digest);
      return mac;
    },
    equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    sha256(...parts) {
      const hasher = new CryptoHasher("sha256");
      for (const part of parts) hasher.update(part);
      return hasher.digest();
    },
    derive: (purpose) => derived(newest.secret, purpose),
    deriveEach: (purpose) => secrets.map(({ secret }) => derived(secret, purpose)),
    signDocument: (text) => sign(null, Buffer.from(text), signer).toString("base64url"),
    documentKeys,
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    async verifyPossession(key, text, signature) {
      try {
        const imported = await crypto.subtle.importKey(
          "raw",
          Uint8Array.from(key),
          { name: "ECDSA", namedCurve: "P-256" },
          false,
          ["verify"],
        );
        return await crypto.subtle.verify(
          { name: "ECDSA", hash: "SHA-256" },
          imported,
          Uint8Array.from(signature),
          new TextEncoder().encode(text),
        );
      } catch {
        // No point of the curve, or no signature in form: as good as a wrong one.
        return false;
      }
    },
  };
}

const derived = (secret: Uint8Array, purpose: string): Uint8Array =>
  new Uint8Array(hkdfSync("sha256", secret, "spillway waiting room", purpose, 32));
