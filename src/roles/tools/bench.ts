/** `spillway bench …`: benches live in bench/, one question a file. */
import { SpillwayError } from "#kernel/error.ts";

export async function benchTool(given: string[]): Promise<number> {
  const [name, ...rest] = given;
  if (name === "orders") {
    const { benchOrders } = (await import("../../../bench/orders.ts")) as {
      benchOrders: (given: string[]) => Promise<number>;
    };
    return await benchOrders(rest);
  }
  if (name === "edge") {
    const { benchEdge } = (await import("../../../bench/edge.ts")) as {
      benchEdge: (given: string[]) => Promise<number>;
    };
    return await benchEdge(rest);
  }
  if (name === "peers") {
    const { benchPeers } = (await import("../../../bench/peers.ts")) as {
      benchPeers: (given: string[]) => Promise<number>;
    };
    return await benchPeers(rest);
  }
  if (name === "rehearse") {
    const { benchRehearse } = (await import("../../../bench/rehearse.ts")) as {
      benchRehearse: (given: string[]) => Promise<number>;
    };
    return await benchRehearse(rest);
  }
  throw new SpillwayError("bad_usage", "usage: bin/spillway bench orders|edge|rehearse|peers");
}
