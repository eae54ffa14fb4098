/** Runs the suite of the line's store in memory and on a real Valkey or Redis server. */
import { createMemoryLineStore } from "#adapters/system/line-store.ts";
import { createLineStore } from "#adapters/valkey/line-store.ts";
import { startLossyWire } from "../kit/lossy-wire.ts";
import { hasRedis, startRedis } from "../kit/redis.ts";
import { describeLineStore, describeLineStoreServer, type ServerSubject } from "./line-store.suite.ts";

async function redisSubject(): Promise<ServerSubject> {
  const redis = await startRedis();
  const wire = await startLossyWire(redis.port);
  /** A store that was well connected when the trouble began. */
  const inTrouble = async (trouble: () => void, run: Parameters<ServerSubject["unreachable"]>[0]) => {
    const store = createLineStore({ url: `redis://127.0.0.1:${wire.port}` });
    await store.read("any");
    trouble();
    try {
      await run(store);
    } finally {
      wire.mend();
      await store.close();
    }
  };
  return {
    ...redis,
    open: () => createLineStore({ url: redis.url }),
    restartWhole: async () => {
      await redis.command("SAVE");
      await redis.restart();
      // The other tests begin with nothing saved.
      await redis.forgetSaved();
    },
    flush: async () => {
      await redis.command("FLUSHALL");
    },
    losingReplies: async (run) => await inTrouble(() => wire.loseReplies(), run),
    unreachable: async (run) => await inTrouble(() => wire.loseAll(), run),
    close: async () => {
      wire.close();
      await redis.close();
    },
  };
}

describeLineStore("in memory", async () => {
  const store = createMemoryLineStore(Date.now);
  return { open: () => store, close: async () => undefined };
});

if (hasRedis) {
  describeLineStore("a real server", redisSubject);
  describeLineStoreServer("a real server", redisSubject);
}
