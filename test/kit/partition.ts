/**
 * A network of its own behind a pair of virtual wires (Linux, as root), which can be cut: the server inside lives on, and nothing answers. It goes
 * when the test process does, however that ends.
 */
import { spawnSync } from "node:child_process";

const ip = (...words: readonly string[]) => spawnSync("ip", words, { encoding: "utf8" });
const random = (below: number) => Math.floor(Math.random() * below);
const nameOfOne = () => `sw${random(36 ** 6).toString(36)}`;

export const canPartition = (() => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const name = nameOfOne();
  const isMade = ip("link", "add", `${name}a`, "type", "veth", "peer", "name", `${name}b`).status === 0;
  if (isMade) ip("link", "del", `${name}a`);
  const isSpace = ip("netns", "add", name).status === 0;
  if (isSpace) ip("netns", "del", name);
  return isMade && isSpace;
})();
if (!canPartition) {
  const text = "NOT CHECKED: a real partition, because this machine lets nobody make network namespaces.";
  // A container without the right to is no less a place for all other tests.
  console.warn(text);
}

export type Partition = {
  /** Words in front of a command that is to run inside. */
  readonly within: readonly string[];
  /** The address of what runs inside, as seen from here. */
  readonly host: string;
  /** Nothing gets through, either way. */
  cut(): void;
  /** What is sent still arrives; what comes back is lost. */
  cutAnswers(): void;
  mend(): void;
  close(): Promise<void>;
};

export async function startPartition(): Promise<Partition> {
  const name = nameOfOne();
  // Addresses for tests of networks (RFC 2544).
  const net = `198.18.${random(256)}.${random(63) * 4}`.split(".").map(Number);
  const addressOf = (offset: number) => [...net.slice(0, 3), (net[3] as number) + offset].join(".");
  const [here, there] = [addressOf(1), addressOf(2)];
  const run = (...words: readonly string[]) => {
    const { status, stderr } = ip(...words);
    if (status !== 0) throw new Error(`ip ${words.join(" ")}: ${stderr}`);
  };
  run("netns", "add", name);
  // Its standard input ends when we do. With the namespace goes its end of the wire, and with that ours.
  const keeper = Bun.spawn(["sh", "-c", 'cat >/dev/null; ip netns del "$0"', name], { stdin: "pipe", detached: true });
  run("link", "add", `${name}a`, "type", "veth", "peer", "name", `${name}b`, "netns", name);
  run("address", "add", `${here}/30`, "dev", `${name}a`);
  run("link", "set", `${name}a`, "up");
  const inside = (...words: readonly string[]) => run("-n", name, ...words);
  inside("address", "add", `${there}/30`, "dev", `${name}b`);
  inside("link", "set", `${name}b`, "up");
  return {
    within: ["ip", "netns", "exec", name],
    host: there,
    cut: () => inside("link", "set", `${name}b`, "down"),
    cutAnswers: () => inside("route", "add", "blackhole", `${here}/32`),
    mend: () => {
      ip("-n", name, "route", "del", "blackhole", `${here}/32`);
      inside("link", "set", `${name}b`, "up");
    },
    close: async () => {
      await keeper.stdin.end();
      await keeper.exited;
    },
  };
}
