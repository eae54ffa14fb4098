import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { soak } from "./soak.ts";

const limits = existsSync("/proc/self/limits") ? readFileSync("/proc/self/limits", "utf8") : "";
const filesMax = Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? "0");
const isPossible = filesMax >= 6500;
if (!isPossible)
  console.warn(`NOT CHECKED: 6,000 connections; this takes Linux and ulimit -n 6500 (it is ${filesMax}).`);

test.skipIf(!isPossible)(
  "5,000 idle and 1,000 busy connections are all answered, in little memory",
  async () => {
    const answersLeast = 20_000;
    const { answered, failed, rssMb } = await soak({ idle: 5000, busy: 1000, seconds: 6, answersLeast });
    expect(failed).toBe(0);
    expect(answered).toBeGreaterThanOrEqual(answersLeast);
    expect(rssMb.most).toBeLessThan(250);
    console.log(`Resident: ${JSON.stringify(rssMb)} MB.`);
  },
  120_000,
);
