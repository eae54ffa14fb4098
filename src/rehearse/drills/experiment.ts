/**
 * A drill as it stands in its file: Chaos Toolkit's experiment format (https://chaostoolkit.org/reference/api/experiment/)
 * and our extension in it. Everything that is wrong with a file is said at once. What the format allows but nobody here
 * can play (Python functions, Vault) is told apart from what is wrong: such a file can be read, and not be played.
 */
import { type Tolerance, toleranceComplaints } from "./tolerance.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export type Provider =
  | ({ readonly type: "http" } & JsonObject)
  | ({ readonly type: "process" } & JsonObject)
  | ({ readonly type: "spillway" } & JsonObject)
  | ({ readonly type: "python" } & JsonObject);

export type Activity = {
  readonly type: "action" | "probe";
  readonly name: string;
  readonly provider: Provider;
  readonly tolerance: Tolerance | undefined;
  readonly background: boolean;
  /** Seconds, or a name in `${…}` that holds them. */
  readonly pauses: { readonly before: unknown; readonly after: unknown };
  /** As it stands in the file, for the journal. */
  readonly raw: JsonObject;
};

/** A probe that is asked every second while the method is played. */
export type AbortCondition = {
  readonly probe: Activity;
  /** It must be outside of its tolerance for so long. */
  readonly forSeconds: number;
};

export type Limits = {
  /** What of a Spillway may be hurt: roles, "proxy:NAME", "payments", "cache", "crowd", "disk". */
  readonly targets: readonly string[];
  /** Names of programs that may be run. */
  readonly commands: readonly string[];
  /** "host" or "host:port" that actions may call. */
  readonly hosts: readonly string[];
  /** The method ends after so long. */
  readonly seconds: number;
};

export const rollbackStrategies = ["default", "always", "never", "deviated"] as const;
export type RollbackStrategy = (typeof rollbackStrategies)[number];

export type Experiment = {
  readonly title: string;
  readonly description: string;
  readonly configuration: JsonObject;
  readonly secrets: JsonObject;
  readonly hypothesis: { readonly title: string; readonly probes: readonly Activity[] } | undefined;
  readonly method: readonly Activity[];
  readonly rollbacks: readonly Activity[];
  readonly rollbackStrategy: RollbackStrategy;
  /** What shoppers should see, in a sentence. */
  readonly expectation: string;
  readonly aborts: readonly AbortCondition[];
  /** Undefined: the file names none. */
  readonly limits: Limits | undefined;
  /** What the house is to be made with: "small disk". */
  readonly needs: readonly string[];
  readonly raw: JsonObject;
};

export type ReadExperiment = {
  readonly experiment: Experiment;
  /** What is wrong; a file with any may not be played. */
  readonly complaints: readonly string[];
  /** What is right, and cannot be played here. */
  readonly unplayable: readonly string[];
  /** What is left out without harm. */
  readonly notes: readonly string[];
};

export const extensionName = "spillway";
const secondsMax = 3600;
const secondsDefault = 300;
const activitiesMax = 200;

export function readExperiment(given: unknown): ReadExperiment {
  const complaints: string[] = [];
  const unplayable: string[] = [];
  const notes: string[] = [];
  const raw = objectOr(given, {});
  if (raw !== given) complaints.push("the file must hold an object: an experiment");

  const text = (name: string): string => {
    const value = raw[name];
    if (typeof value === "string" && value !== "") return value;
    complaints.push(`an experiment needs a \`${name}\``);
    return "";
  };
  const list = (value: unknown, what: string): readonly unknown[] => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) complaints.push(`${what} must be a list`);
    else if (value.length > activitiesMax) complaints.push(`${what} has more than ${activitiesMax} entries`);
    else return value;
    return [];
  };

  const title = text("title");
  const description = text("description");
  const named = new Map<string, Activity>();

  const activity = (value: unknown, where: string, reference: boolean): Activity | undefined => {
    const entry = objectOr(value, {});
    if (reference && typeof entry.ref === "string") {
      const found = named.get(entry.ref);
      if (found === undefined) complaints.push(`${where} refers to "${entry.ref}", which is nowhere in the experiment`);
      return found;
    }
    const read = readActivity(entry, where, complaints, unplayable);
    if (entry.controls !== undefined) notes.push(`controls of ${where} are not played`);
    if (read !== undefined) named.set(read.name, read);
    return read;
  };
  const some = (values: readonly unknown[], where: string): readonly Activity[] =>
    values.flatMap((value, index) => activity(value, `${where} ${index + 1}${nameIn(value)}`, true) ?? []);

  const hypothesis = raw["steady-state-hypothesis"];
  const hypothesisObject = objectOr(hypothesis, {});
  if (hypothesis !== undefined && hypothesis !== null && !hypothesisObject.title)
    complaints.push("the steady-state-hypothesis needs a `title`");
  const probes = some(list(hypothesisObject.probes, "its `probes`"), "probe");
  for (const probe of probes)
    if (probe.tolerance === undefined)
      complaints.push(`probe "${probe.name}" of the steady state needs a \`tolerance\``);

  if (!("method" in raw) || raw.method === null) complaints.push("an experiment needs a `method`, which may be empty");
  const method = some(list(raw.method, "`method`"), "step");
  const rollbacks = some(list(raw.rollbacks, "`rollbacks`"), "rollback");

  const extension = readExtension(raw, { complaints, list, activity });
  for (const where of ["controls", "dry"] as const)
    if (raw[where] !== undefined) notes.push(`\`${where}\` of the experiment is not played`);
  for (const [name, value] of Object.entries(objectOr(raw.secrets, {})))
    if (JSON.stringify(value ?? null).includes('"type":"vault"'))
      unplayable.push(`secret "${name}" is in a Vault; give it by \`env\``);

  return {
    experiment: {
      title,
      description,
      configuration: objectOr(raw.configuration, {}),
      secrets: objectOr(raw.secrets, {}),
      hypothesis: probes.length > 0 ? { title: String(hypothesisObject.title ?? ""), probes } : undefined,
      method,
      rollbacks,
      rollbackStrategy: readStrategy(raw, complaints, notes),
      ...extension,
      expectation: extension.expectation ?? description,
      raw,
    },
    complaints,
    unplayable,
    notes,
  };
}

function readActivity(
  entry: JsonObject,
  where: string,
  complaints: string[],
  unplayable: string[],
): Activity | undefined {
  const wrong = (what: string): undefined => {
    complaints.push(`${where}: ${what}`);
    return undefined;
  };
  const { type, name, background, tolerance } = entry;
  if (Object.keys(entry).length === 0) return wrong("there is nothing in it");
  if (type !== "action" && type !== "probe") return wrong('its `type` must be "action" or "probe"');
  if (typeof name !== "string" || name === "") return wrong("it needs a `name`");
  const provider = objectOr(entry.provider, {});
  switch (provider.type) {
    case "http":
      if (typeof provider.url !== "string" || provider.url === "") return wrong("its http provider needs a `url`");
      if (provider.headers !== undefined && !isObject(provider.headers)) return wrong("`headers` must be an object");
      break;
    case "process":
      if (typeof provider.path !== "string" || provider.path === "")
        return wrong("its process provider needs a `path`");
      break;
    case "spillway":
      if (typeof provider[type] !== "string") return wrong(`its spillway provider needs \`${type}\`: what is done`);
      break;
    case "python":
      if (typeof provider.module !== "string" || typeof provider.func !== "string")
        return wrong("its python provider needs `module` and `func`");
      unplayable.push(
        `${where} calls the Python function ${provider.module}.${provider.func}; only http, process and spillway are played here`,
      );
      break;
    default:
      return wrong(
        `its provider's \`type\` must be http, process or spillway${provider.type === undefined ? "" : `, not "${String(provider.type)}"`}`,
      );
  }
  if (background !== undefined && typeof background !== "boolean") return wrong("`background` must be true or false");
  const pauses = objectOr(entry.pauses, {});
  for (const which of ["before", "after"]) {
    const pause = pauses[which];
    const isFine =
      pause === undefined ||
      pause === null ||
      (typeof pause === "number" && pause >= 0) ||
      (typeof pause === "string" && /^\$\{\w+\}$/.test(pause));
    if (!isFine) return wrong(`the pause \`${which}\` must be seconds, or a name in \${…}`);
  }
  if (tolerance !== undefined) {
    for (const complaint of toleranceComplaints(tolerance)) complaints.push(`${where}: ${complaint}`);
    const inner = objectOr(tolerance, {});
    if (inner.type === "probe") readActivity(inner, `the tolerance of ${where}`, complaints, unplayable);
  }
  return {
    type,
    name,
    provider: provider as Provider,
    tolerance: tolerance as Tolerance | undefined,
    background: background === true,
    pauses: { before: pauses.before, after: pauses.after },
    raw: entry,
  };
}

type Extension = Pick<Experiment, "aborts" | "limits" | "needs"> & { readonly expectation: string | undefined };

function readExtension(
  raw: JsonObject,
  tools: {
    readonly complaints: string[];
    readonly list: (value: unknown, what: string) => readonly unknown[];
    readonly activity: (value: unknown, where: string, reference: boolean) => Activity | undefined;
  },
): Extension {
  const { complaints, list, activity } = tools;
  const extensions = list(raw.extensions, "`extensions`");
  for (const each of extensions)
    if (typeof objectOr(each, {}).name !== "string") complaints.push("each of `extensions` needs a `name`");
  const ours = extensions.find((each) => objectOr(each, {}).name === extensionName);
  if (ours === undefined) return { aborts: [], limits: undefined, needs: [], expectation: undefined };
  const extension = objectOr(ours, {});
  const unknown = Object.keys(extension).filter(
    (key) => !["name", "expectation", "abort", "limits", "needs"].includes(key),
  );
  if (unknown.length > 0)
    complaints.push(`our extension has no \`${unknown.join("`, `")}\`; it has expectation, abort, limits and needs`);
  const texts = (value: unknown, what: string): readonly string[] =>
    list(value, what).flatMap((each) => {
      if (typeof each === "string" && each !== "") return [each];
      complaints.push(`${what} must be a list of texts`);
      return [];
    });

  const aborts = list(extension.abort, "`abort`").flatMap((value, index) => {
    const where = `abort condition ${index + 1}${nameIn(value)}`;
    const entry = objectOr(value, {});
    const probe = activity({ type: "probe", ...entry }, where, false);
    const forSeconds = entry.forSeconds ?? 0;
    if (typeof forSeconds !== "number" || forSeconds < 0) complaints.push(`${where}: \`forSeconds\` must be seconds`);
    if (probe === undefined) return [];
    if (probe.tolerance === undefined) complaints.push(`${where} needs a \`tolerance\``);
    return [{ probe, forSeconds: Number(forSeconds) }];
  });

  let limits: Limits | undefined;
  if (extension.limits !== undefined) {
    const given = objectOr(extension.limits, {});
    const seconds = given.seconds ?? secondsDefault;
    if (typeof seconds !== "number" || seconds <= 0 || seconds > secondsMax)
      complaints.push(`\`limits.seconds\` must be from 1 to ${secondsMax}`);
    const other = Object.keys(given).filter((key) => !["targets", "commands", "hosts", "seconds"].includes(key));
    if (other.length > 0)
      complaints.push(`\`limits\` has no \`${other.join("`, `")}\`; it has targets, commands, hosts and seconds`);
    limits = {
      targets: texts(given.targets, "`limits.targets`"),
      commands: texts(given.commands, "`limits.commands`"),
      hosts: texts(given.hosts, "`limits.hosts`"),
      seconds: Number(seconds),
    };
  }
  const { expectation } = extension;
  if (expectation !== undefined && typeof expectation !== "string") complaints.push("`expectation` must be a text");
  return {
    aborts,
    limits,
    needs: texts(extension.needs, "`needs`"),
    expectation: typeof expectation === "string" ? expectation : undefined,
  };
}

function readStrategy(raw: JsonObject, complaints: string[], notes: string[]): RollbackStrategy {
  const runtime = objectOr(raw.runtime, {});
  const hypothesis = objectOr(runtime.hypothesis, {}).strategy ?? "default";
  if (hypothesis !== "default")
    notes.push(
      `the hypothesis strategy "${String(hypothesis)}" is not played: it is asked before and after the method`,
    );
  const strategy = objectOr(runtime.rollbacks, {}).strategy ?? "default";
  const known = rollbackStrategies.find((each) => each === strategy);
  if (known === undefined) complaints.push(`the rollback strategy must be one of ${rollbackStrategies.join(", ")}`);
  return known ?? "default";
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function objectOr(value: unknown, otherwise: JsonObject): JsonObject {
  return isObject(value) ? value : otherwise;
}

function nameIn(value: unknown): string {
  const { name } = objectOr(value, {});
  return typeof name === "string" ? ` "${name}"` : "";
}
