/**
 * A deadline for a whole request body. Over HTTP/1.1, Bun itself cuts off a sender that stays below 16 KiB a second for its timeout, so
 * a short body has its deadline already (test/edge/wire/slow.test.ts holds Bun to it), and costs nothing here. A longer one, one
 * that does not say its length, and every one that may have come by HTTP/2, where other requests keep the connection awake, is read here.
 */

/** 16 KiB for each of the 4 seconds that are Bun's shortest timeout. */
const boundedByBun = 65_536;

/** Without a length and a coding there may be one only in HTTP/2 and 3. */
export function hasBody({ headers, body }: Request): boolean {
  const length = headers.get("content-length");
  return length === null ? body !== null : length !== "0";
}

export function hasToBeWatched(request: Request, isHttp2Served: boolean): boolean {
  const { method } = request;
  if (method === "GET" || method === "HEAD" || !hasBody(request)) return false;
  const { headers } = request;
  // HTTP/2 has no such field (RFC 9113 8.2.2), and nearly every client of HTTP/1.1 sends it.
  if (isHttp2Served && !headers.has("connection")) return true;
  const length = headers.get("content-length");
  return length === null || !(Number(length) <= boundedByBun);
}

/**
 * Answers 408 when the body has not arrived in time; the copy's body then breaks off with an error, so that whoever passes it on
 * breaks off too.
 */
export function inTime(
  request: Request,
  seconds: number,
  answer: (watched: Request) => Response | Promise<Response>,
): Response | Promise<Response> {
  const { body } = request;
  if (body === null) return answer(request);
  const reader = body.getReader();
  const late = Promise.withResolvers<Response>();
  const breakOff = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined = setTimeout(() => {
    timer = undefined;
    const error = new DOMException(`The request's body did not arrive within ${seconds} s.`, "TimeoutError");
    breakOff.abort(error);
    late.resolve(
      new Response("The request's body took too long.\n", { status: 408, headers: { connection: "close" } }),
    );
    reader.cancel(error).catch(() => {});
  }, seconds * 1000);
  const ended = () => {
    clearTimeout(timer);
  };
  const watched = new Request(request, {
    body: new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (breakOff.signal.aborted) return controller.error(breakOff.signal.reason);
          if (!done) return controller.enqueue(value);
          ended();
          controller.close();
        } catch (error) {
          ended();
          controller.error(error);
        }
      },
      cancel(reason) {
        ended();
        return reader.cancel(reason);
      },
    }),
    signal: AbortSignal.any([request.signal, breakOff.signal]),
  });
  const given = answer(watched);
  if (given instanceof Promise) return Promise.race([given, late.promise]);
  ended();
  return given;
}
