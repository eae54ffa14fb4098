/** A server that answers in a moment, until it stands still: `freezing-server.ts FROM-MS FOR-MS`, counted from its first request. */
const [fromMs = 0, forMs = 0] = process.argv.slice(2).map(Number);
let isArmed = false;
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch() {
    if (!isArmed) {
      isArmed = true;
      // Nothing at all happens in this process meanwhile, as in a collection of garbage that stops the world.
      if (forMs > 0) setTimeout(() => Bun.sleepSync(forMs), fromMs);
    }
    return new Response("ok");
  },
});
process.stdout.write(`${server.port}\n`);
