/** Loaded before a program so that its wall clock can be set wrong while it runs: what the named file says is added, in milliseconds. */
import { readFileSync } from "node:fs";

const file = process.env.SPILLWAY_TEST_SKEW_FILE;
const real = Date.now;
let skewMs = 0;

if (file !== undefined) {
  Date.now = () => real() + skewMs;
  setInterval(() => {
    try {
      skewMs = Number(readFileSync(file, "utf8"));
    } catch {
      // It is written in this moment, or not yet.
    }
  }, 100).unref();
}
