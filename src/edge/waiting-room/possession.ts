/**
 * A browser with WebCrypto binds its place to a key that cannot be read out of it; from then on the place is worth nothing without a fresh
 * signature by that key, so a copied cookie is no place. A claim names the moment of a document that was lately published, and so cannot be kept for later.
 */
import type { OpenRoom } from "./open-room.ts";
import type { RoomKeys } from "./ports.ts";
import type { Place } from "./room-places.ts";
import { signedText } from "./signed-text.ts";

/** How old the document may be that a signature names: a page polls every few seconds when its turn is near. */
const freshMs = 180_000;
const keyBytes = 65;
const signatureBytes = 64;

type Given = Readonly<Record<string, string>>;
type Keys = Pick<RoomKeys, "sha256" | "verifyPossession">;

/** The thumbprint of the key that signed this, freshly; undefined when none did. */
export async function provenKey(
  purpose: "bind" | "claim" | "code",
  { config, line }: OpenRoom,
  place: Place,
  given: Given,
  keys: Keys,
): Promise<Uint8Array | undefined> {
  const key = bytesOf(given.key, keyBytes);
  const signature = bytesOf(given.signature, signatureBytes);
  const at = given.at ?? "";
  if (key === undefined || signature === undefined || !/^\d{1,15}$/.test(at)) return undefined;
  if (Math.abs(line.now().issuedAtMs - Number(at)) > freshMs) return undefined;
  const text = signedText(purpose, config.id, config.epoch, place.seq, at);
  return (await keys.verifyPossession(key, text, signature)) ? keys.sha256(key).slice(0, 16) : undefined;
}

/** Whether whoever sends this may use the place: it is bound to no key, or they have it. */
export async function mayUse(
  purpose: "claim" | "code",
  open: OpenRoom,
  place: Place,
  given: Given,
  keys: Keys & Pick<RoomKeys, "equal">,
): Promise<boolean> {
  if (place.thumbprint === null) return true;
  const proven = await provenKey(purpose, open, place, given, keys);
  return proven !== undefined && keys.equal(proven, place.thumbprint);
}

function bytesOf(text: string | undefined, length: number): Uint8Array | undefined {
  if (text === undefined || text.length > 200) return undefined;
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    return bytes.length === length ? bytes : undefined;
  } catch {
    return undefined;
  }
}
