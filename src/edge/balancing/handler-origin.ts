/** An `Origin` that is a handler in the same process: the shop behind its own edge, without a socket between. */
import { type Origin, OriginError, toHeaders } from "../ports.ts";

export function createHandlerOrigin(handle: (request: Request) => Response | Promise<Response>): Origin {
  return {
    async send({ method, target, headers, body, signal }) {
      const request = new Request(`http://${headers.get("host") ?? "localhost"}${target}`, {
        method,
        headers: toHeaders(headers),
        signal,
        ...(body === null ? {} : { body, duplex: "half" }),
      });
      try {
        return await handle(request);
      } catch (error) {
        if (signal.aborted) throw error;
        throw new OriginError("protocol", true, "The shop's own handler failed", { cause: error });
      }
    },
  };
}
