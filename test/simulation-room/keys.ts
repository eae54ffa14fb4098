/** Keys of a simulated room: real hashes, and signatures that cost nothing. */
import { CryptoHasher } from "bun";
import type { RoomKeys } from "#edge/waiting-room/ports.ts";
import type { Dice } from "../simulation/dice.ts";

export function simulatedKeys(dice: Dice): RoomKeys {
  const sha256: RoomKeys["sha256"] = (...parts) => {
    const hasher = new CryptoHasher("sha256");
    for (const part of parts) hasher.update(part);
    return hasher.digest();
  };
  return {
    keyId: 1,
    mac: (keyId, bytes) => (keyId === 1 ? sha256(bytes).subarray(0, 16) : undefined),
    equal: (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]),
    sha256,
    derive: (purpose) => sha256(new TextEncoder().encode(purpose)),
    deriveEach: (purpose) => [sha256(new TextEncoder().encode(purpose))],
    signDocument: () => "",
    documentKeys: {},
    randomBytes: (length) => Uint8Array.from({ length }, () => dice.whole(0, 255)),
    verifyPossession: async () => false,
  };
}
