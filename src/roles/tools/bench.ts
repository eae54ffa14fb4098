/** `spillway bench …`: benches live in bench/, one question a file. They are imported when they are asked for. */
import { SpillwayError } from "#kernel/error.ts";

type Bench = (given: string[]) => Promise<number>;

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  orders: async () => (await import("../../../bench/orders.ts")).benchOrders,
  edge: async () => (await import("../../../bench/edge.ts")).benchEdge,
  seeing: async () => (await import("../../../bench/seeing.ts")).benchSeeing,
  "waiting-room": async () => (await import("../../../bench/waiting-room.ts")).benchWaitingRoom,
  rehearse: async () => (await import("../../../bench/rehearse.ts")).benchRehearse,
  peers: async () => (await import("../../../bench/peers.ts")).benchPeers,
};

export async function benchTool([name = "", ...rest]: string[]): Promise<number> {
  const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (bench === undefined)
    throw new SpillwayError("bad_usage", `usage: bin/spillway bench ${Object.keys(benches).join("|")}`);
  return await (await bench())(rest);
}
