/** The switch of the pretend bank's troubles. */
import { expect, test } from "bun:test";
import { createLiveFault } from "./live-fault.ts";

test("a share of the good charges meets the trouble, a card chosen for its own keeps it, and off is off", () => {
  const luck = [0.1, 0.29, 0.3, 0.9];
  const fault = createLiveFault(() => luck.shift() ?? 0);
  expect(fault.apply("ok")).toBe("ok");
  fault.set({ token: "slow:5000", share: 0.3 });
  expect(["ok", "ok", "ok", "ok"].map((token) => fault.apply(token))).toEqual(["slow:5000", "slow:5000", "ok", "ok"]);
  expect(fault.apply("declined")).toBe("declined");
  fault.set(null);
  expect(fault.apply("ok")).toBe("ok");
});
