/**
 * Serves the sample shop on a port of its own: pages under the policy that the real shop sends, the script as it is
 * bundled for the real shop, and the few answers that the script asks for.
 */
import { createHash } from "node:crypto";
import { inlineConsoleStyle } from "#console/layout.ts";
import { inlineSpeculationRules, inlineStyle } from "#storefront/layout.ts";
import { asset, cart, type Sample, samples } from "./sample-shop.ts";

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
export const policy = [
  "default-src 'none'",
  "img-src 'self' https:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  `style-src ${hash(inlineStyle)} ${hash(inlineConsoleStyle)}`,
  `script-src 'self' ${hash(inlineSpeculationRules)}`,
].join("; ");

export async function bundleScript(): Promise<string> {
  const built = await Bun.build({
    entrypoints: [new URL("../../src/storefront/browser/main.ts", import.meta.url).pathname],
    target: "browser",
    minify: true,
  });
  return (await built.outputs[0]?.text()) ?? "";
}

export type SampleServer = {
  readonly samples: readonly Sample[];
  readonly origin: string;
  addressOf(sample: Sample): string;
  /** Lets a test answer a request before the samples do. */
  intercept: ((request: Request, url: URL) => Response | undefined) | null;
  stop(): void;
};

export async function serveSamples(): Promise<SampleServer> {
  const all = samples();
  const byName = new Map(all.map((sample) => [sample.name, sample]));
  const script = await bundleScript();
  const page = (sample: Sample, status = 200) =>
    new Response(sample.html, {
      status,
      headers: {
        "content-type": "text/html; charset=utf-8",
        ...(sample.name.startsWith("mail-") || sample.name.startsWith("console-mailbox")
          ? {}
          : { "content-security-policy": policy }),
      },
    });
  const served: Omit<SampleServer, "origin" | "addressOf" | "stop"> & { intercept: SampleServer["intercept"] } = {
    samples: all,
    intercept: null,
  };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const url = new URL(request.url);
      const answer = served.intercept?.(request, url);
      if (answer !== undefined) return answer;
      if (url.pathname === "/assets/main.js")
        return new Response(script, { headers: { "content-type": "text/javascript" } });
      const picture = asset(url.pathname);
      if (picture !== null) return new Response(picture, { headers: { "content-type": "image/svg+xml" } });
      if (request.method === "POST" && request.headers.get("accept")?.includes("json")) return Response.json(cart);
      const named = byName.get(url.searchParams.get("sample") ?? "");
      if (named !== undefined) return page(named);
      const sample = all.find((one) => one.path === url.pathname + url.search);
      return sample === undefined ? page(byName.get("not-found") as Sample, 404) : page(sample);
    },
  });
  const origin = `http://127.0.0.1:${server.port}`;
  return Object.assign(served, {
    origin,
    addressOf: (sample: Sample) => `${origin}${sample.path}`,
    stop: () => void server.stop(true),
  });
}
