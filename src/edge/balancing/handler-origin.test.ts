/** The shop in the same process is asked as if it were behind a socket. */
import { expect, test } from "bun:test";
import { createHandlerOrigin } from "./handler-origin.ts";

const request = (more = {}) => ({
  method: "POST",
  target: "/cart?add=1",
  headers: new Headers({ host: "shop.example", "x-a": "b" }),
  body: new Response("lamp").body,
  signal: new AbortController().signal,
  ...more,
});

test("it gets the request whole", async () => {
  const origin = createHandlerOrigin(
    async (got) =>
      new Response([got.method, got.url, got.headers.get("x-a"), await got.text()].join(" "), { status: 201 }),
  );
  const response = await origin.send(request());
  expect([response.status, await response.text()]).toEqual([201, "POST http://shop.example/cart?add=1 b lamp"]);
  const bare = await origin.send(request({ method: "GET", body: null }));
  expect(await bare.text()).toBe("GET http://shop.example/cart?add=1 b ");
});

test("a handler that throws is an upstream without an answer", async () => {
  const origin = createHandlerOrigin(() => {
    throw new Error("broken");
  });
  expect(await origin.send(request()).catch((error: unknown) => error)).toMatchObject({ kind: "protocol", sent: true });
});
