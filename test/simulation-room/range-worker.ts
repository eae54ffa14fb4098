/** Plays the ranges that `run.ts` gives it, in a process of its own: one line in, one line out. */
import { playRange } from "./range.ts";

for await (const line of console) {
  // The end of what is asked.
  if (line === "") break;
  const { from, count, mutant, isWhole } = JSON.parse(line) as {
    from: number;
    count: number;
    mutant?: string;
    isWhole: boolean;
  };
  console.log(JSON.stringify(await playRange(from, count, mutant, isWhole)));
}
