/** How browser tests start Debian's Chromium, and whether it is there at all. */
import { existsSync } from "node:fs";

export const chromiumPath = process.env.SPILLWAY_CHROMIUM ?? "/usr/bin/chromium";
export const chromiumIsThere = existsSync(chromiumPath);

export const launchOptions = {
  executablePath: chromiumPath,
  headless: true,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};
