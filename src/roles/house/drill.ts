/** A drill as its file says it, ready to be played on a house, alone or in the middle of a rehearsal. */
import { hostname, release } from "node:os";
import { basename, extname, join, resolve } from "node:path";
import { systemClock } from "#adapters/system/clock.ts";
import { createDrillProviders } from "#adapters/system/drill-providers.ts";
import { SpillwayError } from "#kernel/error.ts";
import { type ReadExperiment, type RollbackStrategy, readExperiment } from "#rehearse/drills/experiment.ts";
import { drillResultOf, type Journal } from "#rehearse/drills/journal.ts";
import { refusals } from "#rehearse/drills/limits.ts";
import { playExperiment } from "#rehearse/drills/play.ts";
import type { DrillHouse } from "#rehearse/drills/ports.ts";
import { valuesOf } from "#rehearse/drills/values.ts";
import type { Drill, RunView } from "#rehearse/ports.ts";
import type { DrillResult } from "#rehearse/result.ts";
import { version } from "../version.ts";

export const shippedDrills = resolve(import.meta.dir, "../../../drills");

export type DrillOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly house?: DrillHouse;
  /** Goes before the file's configuration. */
  readonly given?: Readonly<Record<string, unknown>>;
  readonly rollbackStrategy?: RollbackStrategy;
  readonly log: (line: string) => void;
};

/** A file, or the name of a drill that comes with Spillway. JSON or YAML. Throws all that is wrong with it at once. */
export async function readDrill(file: string): Promise<ReadExperiment & { readonly file: string }> {
  const shipped = join(shippedDrills, `${file}.json`);
  const path = !(await Bun.file(file).exists()) && (await Bun.file(shipped).exists()) ? shipped : file;
  const text = await Bun.file(path)
    .text()
    .catch(() => {
      throw new SpillwayError(
        "bad_usage",
        `There is no drill ${file}. \`bin/spillway drill --list\` shows those that come with Spillway; any other is a file.`,
      );
    });
  let parsed: unknown;
  try {
    parsed = [".yaml", ".yml"].includes(extname(path)) ? Bun.YAML.parse(text) : JSON.parse(text);
  } catch (error) {
    throw new SpillwayError(
      "bad_usage",
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  const read = readExperiment(parsed);
  if (read.complaints.length > 0) throw new SpillwayError("bad_usage", listed(`${path} is not right`, read.complaints));
  return { ...read, file: path };
}

export type OpenDrill = Drill & { readonly journal: () => Journal | undefined };

/** Throws what keeps it from being played: Python functions, a value that is missing, what its limits do not allow. */
export async function openDrill(file: string, options: DrillOptions): Promise<OpenDrill> {
  const { env, house, log } = options;
  const { experiment, unplayable, notes, file: path } = await readDrill(file);
  const given = { ...house?.configuration, ...options.given };
  const { values, complaints } = valuesOf(experiment, env, given);
  const refused = [...unplayable, ...complaints, ...refusals(experiment, values, house)];
  const { limits } = experiment;
  if (refused.length > 0 || limits === undefined)
    throw new SpillwayError("bad_usage", listed(`${path} is not played`, refused));

  const stopping = new AbortController();
  let journal: Journal | undefined;
  let over: Promise<DrillResult> | undefined;
  const play = async (run: RunView): Promise<DrillResult> => {
    const started = run.secondsNow();
    const seconds = () => ({ started, ended: run.secondsNow() });
    try {
      journal = await playExperiment(experiment, {
        stage: {
          clock: systemClock,
          providers: { ...createDrillProviders(env), ...(house === undefined ? {} : { house }) },
          values,
          limits,
          run,
          log,
        },
        machine: { version, platform: `${process.platform}-${release()}-${process.arch}`, node: hostname() },
        ...(options.rollbackStrategy === undefined ? {} : { rollbackStrategy: options.rollbackStrategy }),
        stopping: stopping.signal,
      });
      return drillResultOf(experiment, basename(path), journal, notes, seconds());
    } catch (error) {
      return {
        title: experiment.title,
        file: basename(path),
        startedSecond: started,
        endedSecond: seconds().ended,
        status: "failed",
        rolledBack: false,
        expectation: experiment.expectation,
        notes: [...notes, error instanceof Error ? error.message : String(error)],
      };
    }
  };
  return {
    title: experiment.title,
    file: basename(path),
    journal: () => journal,
    async start(run) {
      over ??= play(run);
      return await over;
    },
    async stop() {
      stopping.abort();
      await over;
    },
  };
}

const listed = (title: string, lines: readonly string[]): string =>
  [`${title}:`, ...lines.map((line) => `  ${line}`)].join("\n");
