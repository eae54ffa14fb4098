/**
 * One shopper's connection through the proxy: two sockets and a link each way. When a link closes, so does the socket
 * behind it, both ways, and what the other direction still holds passes first: as toxiproxy does it.
 *
 * open -> closing (one direction has ended) -> gone (both sockets are closed)
 */
import type { Clock, Random } from "#kernel/clock.ts";
import { Link } from "./link.ts";
import type { FaultSocket } from "./ports.ts";
import type { Direction, Toxic } from "./toxic.ts";

export type ConnectionOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly client: FaultSocket;
  readonly server: FaultSocket;
  readonly toxics: readonly Toxic[];
  readonly received: (direction: Direction, bytes: number) => void;
  readonly sent: (direction: Direction, bytes: number) => void;
  /** Both sockets are closed. */
  readonly gone: () => void;
};

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #links: Readonly<Record<Direction, Link>>;
  readonly #open = new Set<FaultSocket>();
  readonly #full = new Set<FaultSocket>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { client, server } = options;
    this.#open.add(client).add(server);
    this.#links = {
      upstream: this.#link("upstream", client, server),
      downstream: this.#link("downstream", server, client),
    };
    this.#wire("upstream", client);
    this.#wire("downstream", server);
  }

  add(toxic: Toxic): void {
    this.#links[toxic.direction].add(toxic);
  }

  change(toxic: Toxic): void {
    this.#links[toxic.direction].change(toxic);
  }

  remove(toxic: Toxic): void {
    this.#links[toxic.direction].remove(toxic.name);
  }

  /** The proxy is switched off: nothing that is held passes any more. */
  close(): void {
    this.#dispose();
    for (const socket of [...this.#open]) socket.close();
  }

  #reset(): void {
    this.#dispose();
    for (const socket of [...this.#open]) socket.reset();
  }

  #dispose(): void {
    this.#links.upstream.dispose();
    this.#links.downstream.dispose();
  }

  #link(direction: Direction, from: FaultSocket, to: FaultSocket): Link {
    const { clock, random, toxics, sent } = this.#options;
    const opposite = direction === "upstream" ? "downstream" : "upstream";
    return new Link(
      toxics.filter((toxic) => toxic.direction === direction),
      {
        clock,
        random,
        room: () => from.resume(),
        reset: () => this.#reset(),
        out: {
          hasRoom: () => !this.#full.has(to),
          push: ({ data }) => {
            if (data.length === 0 || !this.#open.has(to)) return;
            sent(direction, data.length);
            if (!to.write(data)) this.#full.add(to);
          },
          end: () => {
            to.close();
            // Whoever closes a socket hears nothing more from it.
            this.#links[opposite].end();
          },
        },
      },
    );
  }

  /** `from` is the socket that this direction is read from; the other direction is written to it. */
  #wire(direction: Direction, from: FaultSocket): void {
    const opposite = direction === "upstream" ? "downstream" : "upstream";
    from.handle({
      data: (data) => {
        this.#options.received(direction, data.length);
        const link = this.#links[direction];
        link.push(data);
        if (!link.hasRoom()) from.pause();
      },
      ended: () => this.#links[direction].end(),
      drained: () => {
        this.#full.delete(from);
        this.#links[opposite].drained();
      },
      closed: () => {
        this.#open.delete(from);
        this.#full.delete(from);
        this.#links[direction].end();
        // Nothing can be written to it any more: what is still on its way there is dropped, so that its sender can end.
        this.#links[opposite].drained();
        if (this.#open.size > 0) return;
        this.#dispose();
        this.#options.gone();
      },
    });
  }
}
