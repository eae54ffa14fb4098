/**
 * One proxy: it listens, connects each client to its upstream, and plays its toxics on what passes, also on connections
 * that are open already.
 *
 * disabled (refuses connections, has none) <-> enabled
 */
import type { Clock, Random } from "#kernel/clock.ts";
import { SpillwayError } from "#kernel/error.ts";
import { Connection } from "./connection.ts";
import type { FaultNetwork, FaultSocket } from "./ports.ts";
import {
  changedToxic,
  type Direction,
  type JsonObject,
  readToxic,
  type Toxic,
  ToxiproxyError,
  toxicJson,
} from "./toxic.ts";

export type FaultSurroundings = { readonly clock: Clock; readonly random: Random; readonly network: FaultNetwork };

const connectionsMax = 10_000;
const toxicsMax = 100;

export class FaultProxy {
  readonly name: string;
  readonly bytes = { received: { upstream: 0, downstream: 0 }, sent: { upstream: 0, downstream: 0 } };
  listen: string;
  upstream: string;
  readonly #surroundings: FaultSurroundings;
  #listener: { close(): Promise<void> } | undefined;
  /** Upstream ones first, in the order in which they were added. */
  #toxics: readonly Toxic[] = [];
  readonly #connections = new Set<Connection>();
  #opening = 0;

  constructor(name: string, listen: string, upstream: string, surroundings: FaultSurroundings) {
    this.name = name;
    this.listen = listen;
    this.upstream = upstream;
    this.#surroundings = surroundings;
  }

  get enabled(): boolean {
    return this.#listener !== undefined;
  }

  get toxics(): readonly Toxic[] {
    return this.#toxics;
  }

  async start(): Promise<void> {
    if (this.#listener !== undefined) return;
    const listener = await this.#surroundings.network.listen(this.listen, (client) => {
      this.#accept(client).catch(() => client.reset());
    });
    this.#listener = listener;
    this.listen = listener.address;
  }

  /** Nobody is let in any more, and everybody is put out. */
  async stop(): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined) return;
    this.#listener = undefined;
    const closing = listener.close();
    for (const connection of [...this.#connections]) connection.close();
    await closing;
  }

  async differs(listen: string, upstream: string): Promise<boolean> {
    return this.upstream !== upstream || this.listen !== (await this.#surroundings.network.resolve(listen));
  }

  async update(listen: string, upstream: string, enabled: boolean): Promise<void> {
    if (await this.differs(listen, upstream)) {
      await this.stop();
      this.listen = listen;
      this.upstream = upstream;
    }
    if (enabled) await this.start();
    else await this.stop();
  }

  addToxic(body: JsonObject): Toxic {
    const toxic = readToxic(body, (name) => this.#find(name) !== undefined);
    if (this.#toxics.length >= toxicsMax)
      throw new SpillwayError("invalid_request", `A proxy has at most ${toxicsMax} toxics.`);
    const of = (direction: Direction) => [...this.#toxics, toxic].filter((each) => each.direction === direction);
    this.#toxics = [...of("upstream"), ...of("downstream")];
    for (const connection of this.#connections) connection.add(toxic);
    return toxic;
  }

  toxic(name: string): Toxic {
    const toxic = this.#find(name);
    if (toxic === undefined) throw new ToxiproxyError("toxic not found", 404);
    return toxic;
  }

  changeToxic(name: string, body: JsonObject): Toxic {
    const changed = changedToxic(this.toxic(name), body);
    this.#toxics = this.#toxics.map((toxic) => (toxic.name === name ? changed : toxic));
    for (const connection of this.#connections) connection.change(changed);
    return changed;
  }

  removeToxic(name: string): void {
    const toxic = this.toxic(name);
    this.#toxics = this.#toxics.filter((candidate) => candidate !== toxic);
    for (const connection of [...this.#connections]) connection.remove(toxic);
  }

  removeToxics(): void {
    for (const { name } of this.#toxics) this.removeToxic(name);
  }

  json(): JsonObject {
    const { name, listen, upstream, enabled } = this;
    return { name, listen, upstream, enabled, toxics: this.#toxics.map(toxicJson) };
  }

  #find(name: string): Toxic | undefined {
    return this.#toxics.find((toxic) => toxic.name === name);
  }

  async #accept(client: FaultSocket): Promise<void> {
    if (this.#connections.size + this.#opening >= connectionsMax) {
      client.reset();
      return;
    }
    const listener = this.#listener;
    this.#opening += 1;
    const server = await this.#surroundings.network
      .dial(this.upstream)
      .catch(() => undefined)
      .finally(() => {
        this.#opening -= 1;
      });
    if (server === undefined || listener === undefined || listener !== this.#listener) {
      client.close();
      server?.close();
      return;
    }
    const count = (what: Record<Direction, number>) => (direction: Direction, bytes: number) => {
      what[direction] += bytes;
    };
    const { clock, random } = this.#surroundings;
    const connection: Connection = new Connection({
      clock,
      random,
      client,
      server,
      toxics: this.#toxics,
      received: count(this.bytes.received),
      sent: count(this.bytes.sent),
      gone: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }
}
