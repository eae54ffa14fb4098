/** Holds the signature against an independent computation by Web Crypto, and against every kind of tampering. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isTimedSignature, signTimed } from "./timed-signature.ts";

const bytes = fc.uint8Array({ maxLength: 200 });
const secret = fc.string({ minLength: 1, maxLength: 40 });
const timeMs = fc.integer({ min: 0, max: 4_000_000_000_000 });

async function byWebCrypto(key: string, seconds: number, body: Uint8Array): Promise<string> {
  const encoder = new TextEncoder();
  const imported = await crypto.subtle.importKey("raw", encoder.encode(key), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  const message = Buffer.concat([encoder.encode(`${seconds}.`), body]);
  return Buffer.from(await crypto.subtle.sign("HMAC", imported, message)).toString("hex");
}

describe("a timed signature", () => {
  test("is HMAC-SHA256 over the time, a dot and the raw bytes", async () => {
    await fc.assert(
      fc.asyncProperty(secret, timeMs, bytes, async (key, nowMs, body) => {
        const seconds = Math.floor(nowMs / 1000);
        expect(signTimed(key, body, nowMs)).toBe(`t=${seconds},v1=${await byWebCrypto(key, seconds, body)}`);
      }),
    );
  });

  test("is accepted for what was signed, within five minutes either way, and by any of our secrets", () => {
    fc.assert(
      fc.property(secret, secret, timeMs, bytes, fc.integer({ min: -298, max: 298 }), (key, old, at, body, late) => {
        const header = signTimed(key, body, at);
        const nowMs = at + late * 1000;
        expect(isTimedSignature(header, body, [key], nowMs)).toBe(true);
        expect(isTimedSignature(header, body, [old, key], nowMs)).toBe(true);
        expect(isTimedSignature(header, body, [key], at + 301_001)).toBe(false);
        expect(isTimedSignature(header, body, [key], at - 301_001)).toBe(false);
      }),
    );
  });

  test("is refused when the body, the time, the signature or the secret differs in anything", () => {
    fc.assert(
      fc.property(
        secret,
        timeMs,
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.nat(),
        (key, nowMs, body, where) => {
          const header = signTimed(key, body, nowMs);
          const altered = Uint8Array.from(body);
          altered[where % body.length] = ((altered[where % body.length] ?? 0) + 1) % 256;
          expect(isTimedSignature(header, altered, [key], nowMs)).toBe(false);
          expect(isTimedSignature(header, body.subarray(1), [key], nowMs)).toBe(false);
          expect(isTimedSignature(header, body, [`${key}x`], nowMs)).toBe(false);
          expect(
            isTimedSignature(header.replace(/t=\d+/, `t=${Math.floor(nowMs / 1000) + 1}`), body, [key], nowMs),
          ).toBe(false);
          const digit = header.at(-1) === "0" ? "1" : "0";
          expect(isTimedSignature(header.slice(0, -1) + digit, body, [key], nowMs)).toBe(false);
        },
      ),
    );
  });

  test("one good signature among several is enough, as while a secret is being changed", () => {
    const body = new TextEncoder().encode("{}");
    const nowMs = 1_700_000_000_000;
    const [time, good] = signTimed("new", body, nowMs).split(",");
    const bad = `v1=${"0".repeat(64)}`;
    expect(isTimedSignature(`${time},${bad},${good}`, body, ["new"], nowMs)).toBe(true);
    expect(isTimedSignature(`${time}, ${good}, v0=${"1".repeat(64)}`, body, ["new"], nowMs)).toBe(true);
    const many = Array.from({ length: 1000 }, () => bad).join(",");
    expect(isTimedSignature(`${time},${many},${good}`, body, ["new"], nowMs)).toBe(false);
  });

  test("anything else in the header is refused and does not throw", () => {
    const body = new TextEncoder().encode("{}");
    const odd = [
      null,
      "",
      "t=",
      "v1=",
      "t=1",
      "t=1,v1=xyz",
      "t=NaN,v1=00",
      "t=-1,v1=00",
      "t=1e9,v1=00",
      "t=1,t=2,v1=",
      ",,,",
      "=".repeat(9999),
    ];
    for (const header of odd) expect(isTimedSignature(header, body, ["key"], 1000)).toBe(false);
    fc.assert(fc.property(fc.string(), (header) => expect(isTimedSignature(header, body, ["key"], 0)).toBe(false)));
    expect(isTimedSignature(signTimed("key", body, 0), body, [], 0)).toBe(false);
  });
});
