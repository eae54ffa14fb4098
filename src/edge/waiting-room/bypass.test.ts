/** Who passes beside the line, and how often. */
import { expect, test } from "bun:test";
import { createMemoryLineStore } from "#adapters/system/line-store.ts";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import { createVerifyBot } from "#adapters/system/verify-bot.ts";
import { Room } from "#contract/waiting-room.ts";
import { exchangeOf, settingsOf } from "../../../test/kit/exchange.ts";
import { createBypass, plainCode, readable } from "./bypass.ts";

const keys = createRoomKeys([{ id: 1, secret: new Uint8Array(32) }]);
const sha256 = (text: string): string => keys.sha256(new TextEncoder().encode(text)).toHex();

function bypassOf(given: object, verifyBot = async () => undefined as string | undefined) {
  const room = settingsOf(Room, { id: "drop", bypass: given });
  return createBypass(room, { keys, store: createMemoryLineStore(() => 0), verifyBot });
}

test("addresses and tokens of the operator's, and nobody else's", () => {
  const { of } = bypassOf({ addresses: ["192.0.2.0/24"], tokens: [sha256("staff")] });
  expect(of(exchangeOf({ address: "192.0.2.9" }))).toBe("address");
  expect(of(exchangeOf({ headers: { "spillway-bypass": "staff" } }))).toBe("token");
  expect(of(exchangeOf({ headers: { "spillway-bypass": sha256("staff") } }))).toBeUndefined();
  expect(of(exchangeOf())).toBeUndefined();
});

test("a crawler is who its address says it is, both ways, and DNS is asked once for each address", async () => {
  let asked = 0;
  const verify = createVerifyBot(() => 0, {
    reverse: async (address) => {
      asked++;
      if (address === "198.51.100.1") return ["crawl-1.googlebot.com"];
      return address === "198.51.100.2" ? ["fake.googlebot.com"] : ["googlebot.com.evil.example"];
    },
    addresses: async (name) => (name === "crawl-1.googlebot.com" ? ["198.51.100.1"] : ["203.0.113.99", "198.51.100.3"]),
  });
  const { of } = bypassOf({ bots: ["googlebot.com"] }, verify as never);
  const ask = async (address: string, agent = "Googlebot/2.1") =>
    await of(exchangeOf({ address, headers: { "user-agent": agent } }));
  expect(await ask("198.51.100.1")).toBe("bot");
  expect(await ask("198.51.100.1")).toBe("bot");
  expect(asked).toBe(1);
  for (const address of ["198.51.100.2", "198.51.100.3"]) expect(await ask(address)).toBeUndefined();
  const before = asked;
  expect(await ask("198.51.100.1", "Mozilla/5.0")).toBeUndefined();
  expect(asked).toBe(before);
});

test("a code of an invitation is good once, of two who send it at the same moment for one", async () => {
  const bypass = bypassOf({ codes: [sha256("GOLDEN ticket")] });
  const [code = ""] = await bypass.invite(1);
  expect((await Promise.all([bypass.redeem(code), bypass.redeem(code)])).sort()).toEqual([false, true]);
  expect(await bypass.redeem("GOLDEN ticket")).toBe(true);
  expect(await bypass.redeem("GOLDEN ticket")).toBe(false);
  for (const wrong of ["", "x".repeat(500), "AAAA-BBBB-CCCC-DDDD"]) expect(await bypass.redeem(wrong)).toBe(false);
});

test("codes are read as people write them", () => {
  expect(readable(Uint8Array.from([255, 255, 255, 255, 255]))).toBe("ZZZZ-ZZZZ");
  expect(readable(new Uint8Array(10))).toBe("0000-0000-0000-0000");
  expect(plainCode(" o1il-z ")).toBe("0111Z");
});
