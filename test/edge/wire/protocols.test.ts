/** TLS, HTTP/2 and HTTP/3 as clients meet them, and certificates that change while they ask. */
import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import http2 from "node:http2";
import tls from "node:tls";
import type { EdgeListener } from "#adapters/bun/listener.ts";
import type { Answer, Exchange } from "#edge/exchange.ts";
import { type CertificateFiles, hasOpenssl, makeCertificate } from "./certificate.ts";
import { hammer, newTally } from "./hammer.ts";
import { startEdge } from "./kit.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function certificate(name: string): CertificateFiles {
  const files = makeCertificate(name);
  undo.push(() => files.remove());
  return files;
}

function edgeWith(parts: Parameters<typeof startEdge>[1], handle: (exchange: Exchange) => Answer = tell): EdgeListener {
  const edge = startEdge(handle, parts);
  undo.push(() => edge.stop(50));
  return edge;
}

const tell = async ({ method, scheme, host, target, address, request, headers }: Exchange): Promise<Response> =>
  Response.json({
    method,
    scheme,
    host,
    target,
    address,
    body: (await request?.text()) ?? "",
    fields: Object.fromEntries(headers),
  });

type H2Answer = { status: number | undefined; text: string; reset: number | undefined };

async function h2(url: string, headers: http2.OutgoingHttpHeaders, body?: string): Promise<H2Answer> {
  const session = http2.connect(url, { rejectUnauthorized: false });
  session.on("error", () => {});
  const stream = session.request(headers, { endStream: body === undefined });
  const { promise, resolve } = Promise.withResolvers<H2Answer>();
  const answer: H2Answer = { status: undefined, text: "", reset: undefined };
  stream.on("response", (fields) => {
    answer.status = fields[":status"];
  });
  stream.on("data", (data: Buffer) => {
    answer.text += data.toString();
  });
  stream.on("error", () => {});
  stream.on("close", () => resolve({ ...answer, reset: stream.rstCode }));
  if (body !== undefined) stream.end(body);
  const got = await promise;
  session.destroy();
  return got;
}

function peerOf(port: number, protocols: string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: protocols }, () => {
    resolve(`${socket.getPeerCertificate().subject.CN} ${socket.alpnProtocol}`);
    socket.destroy();
  });
  socket.on("error", reject);
  return promise;
}

describe("HTTP/2", () => {
  test("a client that knows it beforehand is answered without TLS", async () => {
    const edge = edgeWith({});
    const { status, text } = await h2(
      `http://127.0.0.1:${edge.port}`,
      { ":method": "POST", ":path": "/a?b=c", ":authority": "Shop.example:8000", "content-type": "text/plain" },
      "hello",
    );
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      method: "POST",
      scheme: "http",
      host: "shop.example:8000",
      target: "/a?b=c",
      address: "127.0.0.1",
      body: "hello",
    });
  });

  for (const [name, headers] of [
    ["an :authority and another host", { ":authority": "shop.example", host: "evil.example" }],
    ["an :authority with a name and a password", { ":authority": "user:word@shop.example" }],
    ["an :authority with a space", { ":authority": "a b" }],
    ["an :authority of two names", { ":authority": "shop.example, evil.example" }],
    ["a :path with a host of its own", { ":authority": "shop.example", ":path": "http://evil.example/" }],
    ["a :path that is none", { ":authority": "shop.example", ":path": "a" }],
    ["a :path with a fragment", { ":authority": "shop.example", ":path": "/a#b" }],
    ["OPTIONS of the whole server", { ":authority": "shop.example", ":method": "OPTIONS", ":path": "*" }],
    ["TRACE", { ":authority": "shop.example", ":method": "TRACE" }],
    ["an unknown method", { ":authority": "shop.example", ":method": "FOO" }],
  ] as const) {
    test(`${name} reaches no stage`, async () => {
      let reached = 0;
      const edge = edgeWith({}, (exchange) => {
        reached++;
        return tell(exchange);
      });
      const { status, reset } = await h2(`http://127.0.0.1:${edge.port}`, { ":path": "/", ...headers });
      expect(reached).toBe(0);
      expect(status === undefined ? reset : status).toBeGreaterThan(0);
      if (status !== undefined) expect(status).toBeGreaterThanOrEqual(400);
    });
  }

  for (const [length, isRead] of [
    ["3", false],
    ["10", false],
    ["6", true],
  ] as const) {
    test(`six bytes with content-length ${length} are ${isRead ? "a body" : "no whole body, whoever reads it"}`, async () => {
      const bodies: string[] = [];
      const edge = edgeWith({}, async ({ request }) => {
        bodies.push((await request?.text()) ?? "");
        return new Response("ok");
      });
      const { status } = await h2(
        `http://127.0.0.1:${edge.port}`,
        { ":method": "POST", ":path": "/", ":authority": "shop.example", "content-length": length },
        "abcdef",
      );
      expect(bodies).toEqual(isRead ? ["abcdef"] : []);
      expect(status === 200).toBe(isRead);
    });
  }
});

if (!hasOpenssl && process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1")
  throw new Error("openssl is missing, and nothing may be skipped");

describe.skipIf(!hasOpenssl)("TLS", () => {
  test("a client gets HTTP/2 where it offers it, HTTP/1.1 otherwise", async () => {
    const files = certificate("shop.example");
    const edge = edgeWith({ listener: { tls: files } });
    expect(await peerOf(edge.port, ["h2", "http/1.1"])).toBe("shop.example h2");
    expect(await peerOf(edge.port, ["http/1.1"])).toBe("shop.example http/1.1");
    const { text } = await h2(`https://127.0.0.1:${edge.port}`, { ":path": "/a" });
    expect(JSON.parse(text)).toMatchObject({ scheme: "https", host: `127.0.0.1:${edge.port}`, target: "/a" });
    const answer = await fetch(`https://127.0.0.1:${edge.port}/b`, { tls: { rejectUnauthorized: false } });
    expect(await answer.json()).toMatchObject({ scheme: "https", target: "/b" });
  });

  test("HTTP/3 is served where it is asked for, with the address of the client", async () => {
    const edge = edgeWith({ listener: { tls: certificate("shop.example"), http3: true } });
    const answer = await fetch(`https://127.0.0.1:${edge.port}/a?b`, {
      method: "POST",
      body: "hello",
      protocol: "http3",
      tls: { rejectUnauthorized: false },
    });
    expect(await answer.json()).toMatchObject({ scheme: "https", target: "/a?b", address: "127.0.0.1", body: "hello" });
  });

  test("a certificate is changed on command while clients ask, and nobody's request fails", async () => {
    const files = certificate("old.example");
    const edge = edgeWith({ listener: { tls: files } }, () => new Response("ok"));
    const tally = newTally();
    let isOver = false;
    // Whom each of them met first, and last.
    const first: string[] = [];
    const peers: string[] = [];
    const clients = Array.from({ length: 10 }, (_one, index) =>
      hammer(
        {
          port: edge.port,
          path: "/",
          comesBack: true,
          tls: true,
          onPeer: (name) => {
            first[index] ??= name;
            peers[index] = name;
          },
          isOver: () => isOver,
        },
        tally,
      ),
    );
    while (peers.filter((name) => name !== undefined).length < 10) await Bun.sleep(20);
    files.replace("new.example");
    edge.reloadCertificates();
    // The old one is told to be gone within two seconds; then everybody has come back to the new one.
    while (tally.toldToClose < 10 || !peers.every((name) => name === "new.example")) await Bun.sleep(50);
    // As long as the old one is open it takes some of the new connections; who meets the moment of its closing tries again.
    let inARow = 0;
    while (inARow < 8) {
      const peer = await peerOf(edge.port, ["h2"]).catch(() => "");
      inARow = peer === "new.example h2" ? inARow + 1 : 0;
      await Bun.sleep(20);
    }
    await Bun.sleep(300);
    isOver = true;
    await Promise.all(clients);
    expect(first).toEqual(Array.from({ length: 10 }, () => "old.example"));
    expect(tally.failures).toEqual([]);
    console.log(`${tally.answered} answers, ${tally.retried} connections tried once more.`);
  }, 20_000);

  test("a request under way when the certificate changes gets its whole answer", async () => {
    const files = certificate("old.example");
    const hold = Promise.withResolvers<void>();
    const edge = edgeWith({ listener: { tls: files } }, async () => {
      await hold.promise;
      return new Response("at last");
    });
    const answer = fetch(`https://127.0.0.1:${edge.port}/`, { tls: { rejectUnauthorized: false } });
    while (edge.inFlight() === 0) await Bun.sleep(5);
    files.replace("new.example");
    edge.reloadCertificates();
    await Bun.sleep(800);
    hold.resolve();
    expect(await (await answer).text()).toBe("at last");
  });

  test("a changed file is noticed, and one that cannot be used leaves the old certificate in force and says so", async () => {
    const files = certificate("old.example");
    const troubles: string[] = [];
    const edge = edgeWith({
      listener: { tls: files, certificateWatchSeconds: 0.05, onTrouble: (message) => troubles.push(message) },
    });
    writeFileSync(files.certFile, "no certificate");
    while (troubles.length === 0) await Bun.sleep(10);
    expect(troubles[0]).toContain(files.certFile);
    expect(await peerOf(edge.port, ["h2"])).toBe("old.example h2");
    files.replace("new.example");
    while (!(await peerOf(edge.port, ["h2"])).startsWith("new.example")) await Bun.sleep(20);
  });

  test("a port that somebody else has is complained of, with TLS too", async () => {
    const files = certificate("shop.example");
    const edge = edgeWith({ listener: { tls: files } });
    expect(() => startEdge(tell, { listener: { tls: files, port: edge.port } })).toThrow(/is in use/);
  });
});
