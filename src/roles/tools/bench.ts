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
  if (name === "waiting-room") {
    const { benchWaitingRoom } = (await import("../../../bench/waiting-room.ts")) as {
      benchWaitingRoom: (given: string[]) => Promise<number>;
    };
    return await benchWaitingRoom(rest);
  }
  throw new SpillwayError("bad_usage", "usage: bin/spillway bench orders|edge|waiting-room");
}
