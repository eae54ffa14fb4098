/**
 * The switch for the pretend bank's troubles, on the operations port and behind the admin token: what a drill turns.
 * It is there where the sandbox is, and holds for this process.
 */
import { faults } from "#adapters/payment-sandbox/faults.ts";
import type { Parts } from "./parts.ts";
import { tokenCheck } from "./token-check.ts";

const path = "/sandbox/fault";
const usage = `PUT ${path} {"token": "slow:5000", "share": 0.3}: a token of ${Object.keys(faults).join(", ")}, a share from 0 to 1; DELETE ends it.\n`;

const text = (body: string, status: number): Response =>
  new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" } });

export function sandboxFaultApi(parts: Parts): (request: Request) => Promise<Response | undefined> {
  const isToken = tokenCheck(() => parts.adminToken);
  return async (request) => {
    if (new URL(request.url).pathname !== path) return undefined;
    const { liveFault } = parts.gateways;
    if (liveFault === undefined) return text("This shop has no sandbox.\n", 404);
    const given = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (given === undefined || !isToken(given)) return text("A valid token is needed.\n", 401);
    if (request.method === "DELETE") {
      liveFault.set(null);
      return new Response(null, { status: 204 });
    }
    if (request.method !== "PUT") return text(usage, 405);
    const fault = (await request.json().catch(() => undefined)) as { token?: unknown; share?: unknown } | undefined;
    const { token, share = 1 } = fault ?? {};
    if (typeof token !== "string" || !Object.hasOwn(faults, token.split(":")[0] ?? "")) return text(usage, 422);
    if (typeof share !== "number" || !(share >= 0 && share <= 1)) return text(usage, 422);
    liveFault.set({ token, share });
    return new Response(null, { status: 204 });
  };
}
