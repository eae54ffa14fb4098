/** A shop in a process of its own, to be killed: `/` answers at once, `/slow` in pieces, both with what they should be. */
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname !== "/slow") return new Response("whole".repeat(400));
    return new Response(
      new ReadableStream<Uint8Array>({
        async start(controller) {
          for (let piece = 0; piece < 4; piece++) {
            controller.enqueue(new TextEncoder().encode("whole".repeat(100)));
            await Bun.sleep(5);
          }
          controller.close();
        },
      }),
    );
  },
});
console.log(server.port);
