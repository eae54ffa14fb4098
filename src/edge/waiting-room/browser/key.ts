/**
 * A key of this browser that nobody can read out of it (WebCrypto, kept in IndexedDB), and what is signed with it. Where there is none, as without
 * https, nothing is signed and the place is worth what its cookie is.
 */
import type { NowServing } from "#contract/waiting-room.ts";
import { signedText } from "../signed-text.ts";

const base64url = (bytes: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

function request<Result>(asked: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error("no database"));
  });
}

let keeping: Promise<CryptoKeyPair | undefined> | undefined;

async function open(): Promise<CryptoKeyPair | undefined> {
  if (globalThis.crypto?.subtle === undefined || globalThis.indexedDB === undefined) return undefined;
  const asked = indexedDB.open("spillway", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("keys");
  const database = await request(asked);
  const read = (): Promise<CryptoKeyPair | undefined> =>
    request(database.transaction("keys").objectStore("keys").get("place") as IDBRequest<CryptoKeyPair | undefined>);
  const known = await read();
  if (known !== undefined) return known;
  const made = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  // Of two tabs that begin together the first one's stays.
  await request(database.transaction("keys", "readwrite").objectStore("keys").add(made, "place")).catch(
    () => undefined,
  );
  return await read();
}

export async function prove(
  purpose: "bind" | "claim" | "code",
  now: NowServing | undefined,
  number: number,
): Promise<Record<string, string>> {
  if (now === undefined) return {};
  keeping ??= open().catch(() => undefined);
  const pair = await keeping;
  if (pair === undefined) return {};
  const at = String(now.issuedAtMs);
  const text = new TextEncoder().encode(signedText(purpose, now.room, now.epoch, number, at));
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, text);
  const key = await crypto.subtle.exportKey("raw", pair.publicKey);
  return { at, key: base64url(key), signature: base64url(signature) };
}
