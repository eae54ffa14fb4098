/**
 * TCP sockets for the fault proxy. Not Bun's own but node:net's: only there does `destroySoon` close both ways after the
 * last byte, and `resetAndDestroy` sends a reset.
 */
import { lookup } from "node:dns/promises";
import { type AddressInfo, connect, createServer, isIP, type Socket } from "node:net";
import type { FaultNetwork, FaultSocket } from "#rehearse/faults/ports.ts";

const dialTimeoutMs = 30_000;

export function createFaultNetwork(): FaultNetwork {
  return {
    async listen(address, accept) {
      const { host, port } = await placeOf(address, "listen");
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
        accept(faultSocket(socket)),
      );
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ port, host, backlog: 511 }, () => {
          server.off("error", reject);
          resolve();
        });
      }).catch((error: unknown) => {
        throw listenProblem(error, host, port);
      });
      const bound = server.address() as AddressInfo;
      return {
        address: join(host, bound.port),
        async close() {
          // Resolves when the last connection is gone; the port is free at once.
          await new Promise<void>((resolve) => {
            server.close(() => undefined);
            resolve();
          });
        },
      };
    },

    async dial(address) {
      const { host, port } = await placeOf(address, "dial");
      const socket = connect({ host, port, allowHalfOpen: true, timeout: dialTimeoutMs });
      socket.pause();
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
        socket.once("timeout", () => reject(new Error(`dial tcp ${address}: i/o timeout`)));
      }).catch((error: unknown) => {
        socket.destroy();
        throw error;
      });
      socket.setTimeout(0);
      return faultSocket(socket);
    },

    async resolve(address) {
      const { host, port } = await placeOf(address, "listen");
      return join(host, port);
    },
  };
}

function faultSocket(socket: Socket): FaultSocket {
  // Slices are to arrive as slices.
  socket.setNoDelay(true);
  // An error is followed by `close`, which says all that is to be known.
  socket.on("error", () => undefined);
  return {
    handle({ data, ended, drained, closed }) {
      socket.on("data", data);
      socket.on("end", ended);
      socket.on("drain", drained);
      socket.once("close", closed);
      if (socket.destroyed) closed();
      else socket.resume();
    },
    write: (data) => (socket.writable ? socket.write(data) : true),
    pause: () => void socket.pause(),
    resume: () => {
      if (!socket.destroyed && socket.isPaused()) socket.resume();
    },
    close: () => socket.destroySoon(),
    reset: () => void socket.resetAndDestroy(),
  };
}

const join = (host: string, port: number): string => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);

/** "host:port" with the host looked up. Without one it is this machine alone: toxiproxy would take all interfaces. */
async function placeOf(address: string, verb: "listen" | "dial"): Promise<{ host: string; port: number }> {
  if (address === "") return { host: "127.0.0.1", port: 0 };
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{0,5})$/.exec(address);
  const name = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new Error(
      `${verb} tcp: address ${address}: ${address.includes(":") ? "it must be host:port" : "missing port in address"}`,
    );
  if (name === "") return { host: verb === "listen" ? "::" : "127.0.0.1", port };
  // Whoever is dialled by name is tried on all of its addresses.
  if (isIP(name) > 0 || verb === "dial") return { host: name, port };
  if (name === "localhost") return { host: "127.0.0.1", port };
  try {
    return { host: (await lookup(name)).address, port };
  } catch {
    throw new Error(`${verb} tcp: lookup ${name}: no such host`);
  }
}

function listenProblem(error: unknown, host: string, port: number): Error {
  const { code } = error as { code?: string };
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: "address already in use",
    EACCES: "permission denied",
    EADDRNOTAVAIL: "cannot assign requested address",
  };
  return new Error(
    `listen tcp ${join(host, port)}: bind: ${reasons[code ?? ""] ?? (error instanceof Error ? error.message : String(error))}`,
    { cause: error },
  );
}
