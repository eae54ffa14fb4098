/**
 * Takes pictures of every page and state of the sample shop, for eyes: `bin/bun test/browser/preview.ts --out DIR`.
 * `--only NAME` (a part of a name) takes fewer; `--whole` takes whole pages instead of the first screen and a bit.
 */
import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type Browser, chromium } from "playwright-core";
import { launchOptions } from "./chromium.ts";
import { serveSamples } from "./sample-server.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    only: { type: "string", default: "" },
    scheme: { type: "string", default: "" },
    device: { type: "string", default: "" },
    whole: { type: "boolean", default: false },
  },
});
if (values.out === undefined) {
  console.error("Say where the pictures go: --out DIR");
  process.exit(2);
}
const out = values.out;
await mkdir(out, { recursive: true });

const devices = [
  { name: "phone", width: 390, height: 844, isMobile: true },
  { name: "desktop", width: 1280, height: 900, isMobile: false },
].filter((device) => device.name.includes(values.device));
const schemes = (["light", "dark"] as const).filter((scheme) => scheme.includes(values.scheme));

const server = await serveSamples();
const browser: Browser = await chromium.launch(launchOptions);
let taken = 0;
try {
  for (const device of devices) {
    for (const scheme of schemes) {
      const context = await browser.newContext({
        viewport: { width: device.width, height: device.height },
        isMobile: device.isMobile,
        hasTouch: device.isMobile,
        colorScheme: scheme,
        deviceScaleFactor: 1,
      });
      const page = await context.newPage();
      for (const sample of server.samples.filter((one) => one.name.includes(values.only))) {
        await page.goto(server.addressOf(sample), { waitUntil: "load" });
        await page.screenshot({ path: `${out}/${sample.name}-${device.name}-${scheme}.png`, fullPage: values.whole });
        taken += 1;
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  server.stop();
}
console.log(`${taken} pictures in ${out}`);
