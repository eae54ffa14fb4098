/** What the fault proxy needs of a machine: TCP sockets that can be held back, closed and reset. */

/** One end of a connection. It holds its data back until `handle` was called. */
export type FaultSocket = {
  /** Set once. `ended`: the peer sends no more. `closed`: nothing can be written any more; told once, also after `close`. */
  handle(handlers: {
    readonly data: (data: Uint8Array) => void;
    readonly ended: () => void;
    readonly drained: () => void;
    readonly closed: () => void;
  }): void;
  /** False: it was taken, but nothing more should come before `drained`. */
  write(data: Uint8Array): boolean;
  /** Reads nothing until `resume`; the kernel then slows the peer down. */
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes both ways. */
  close(): void;
  /** Closes at once with a TCP reset; what was not sent is lost. */
  reset(): void;
};

/** An address is "host:port", as toxiproxy writes it: "127.0.0.1:26379", "[::1]:80", ":8080" for all interfaces. */
export type FaultNetwork = {
  /**
   * Resolves with the address that it listens on in truth (port 0 is given a free one), once it does. Rejects with a
   * sentence in Go's words, as clients of toxiproxy know them.
   */
  listen(
    address: string,
    accept: (socket: FaultSocket) => void,
  ): Promise<{ readonly address: string; close(): Promise<void> }>;
  /** Rejects when nobody answers there. */
  dial(address: string): Promise<FaultSocket>;
  /** The address with its host as an IP address; rejects when it cannot be one. */
  resolve(address: string): Promise<string>;
};
