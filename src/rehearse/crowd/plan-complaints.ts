/** What no schema says of a plan: fields that must agree with each other, and requests that could not be made. */
import type { RehearsalPlan, RehearsalStep } from "#contract/rehearsal-plan.ts";
import { lineName } from "./journey.ts";
import { ownWords, parseTemplate } from "./template.ts";

export type Complain = (pointer: string, message: string) => void;

/** Ours to say: how a message is framed on its connection, and whose it is. */
const ours = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "cookie",
  "expect",
  "upgrade",
  "te",
]);
const stepsMax = 2000;

/** `columnsOf`: the header of a data file, undefined where it could not be read (which has its own complaint). */
export function complainOfPlan(
  plan: RehearsalPlan,
  columnsOf: (file: string) => readonly string[] | undefined,
  complain: Complain,
): void {
  checkTarget(plan, complain);
  if (plan.model === "open" && plan.arrivals === undefined)
    complain("/arrivals", 'is missing: say who comes when, such as { shape: "constant", perSecond: 50, seconds: 60 }.');
  if (plan.model === "open" && plan.closed !== undefined)
    complain("/closed", 'is for a closed crowd: write model: "closed", or take it away.');
  if (plan.model === "closed" && plan.closed === undefined)
    complain("/closed", "is missing: say how many, such as { users: 50, seconds: 60 }.");
  if (plan.model === "closed" && plan.arrivals !== undefined)
    complain("/arrivals", "is for an open crowd: a closed one has users, who come again when they are done.");

  const names = new Map<string, number>();
  let steps = 0;
  for (const [at, journey] of plan.journeys.entries()) {
    const place = `/journeys/${at}`;
    const same = names.get(journey.name);
    if (same !== undefined)
      complain(`${place}/name`, `"${journey.name}" is the name of journey ${same} too: each needs its own.`);
    names.set(journey.name, at);
    const known = new Set([...Object.keys(ownWords)]);
    const columns = journey.data === undefined ? [] : columnsOf(journey.data.file);
    for (const column of columns ?? []) known.add(column.trim());
    const stepNames = new Set<string>();
    for (const [index, step] of journey.steps.entries()) {
      steps += 1;
      const here = `${place}/steps/${index}`;
      if (stepNames.has(step.name))
        complain(`${here}/name`, `"${step.name}" comes twice in "${journey.name}": each step needs its own name.`);
      stepNames.add(step.name);
      checkStep(step, here, columns === undefined ? undefined : known, complain);
      for (const { name } of step.extract) known.add(name);
    }
  }
  if (steps > stepsMax) complain("/journeys", `have ${steps} steps together; at most ${stepsMax} are measured apart.`);
  checkThresholds(plan, complain);
}

function checkTarget({ target }: RehearsalPlan, complain: Complain): void {
  if (!URL.canParse(target.url)) {
    complain("/target/url", `is no address: ${JSON.stringify(target.url)}`);
    return;
  }
  const url = new URL(target.url);
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "")
    complain("/target/url", `must end with the host or its port: ${url.origin}; paths stand in the steps.`);
  if (url.username !== "" || url.password !== "")
    complain("/target/url", "must hold no user name and password: send them in a step's headers.");
  if (!isThisMachine(url.hostname) && !target.owned.includes(url.hostname) && !target.owned.includes(url.host))
    complain(
      "/target/owned",
      `does not name ${url.hostname}. A rehearsal can take a shop down: write owned: ["${url.hostname}"] (or --owned ${url.hostname}) if it is yours to load.`,
    );
}

const isThisMachine = (hostname: string): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);

function checkStep(
  step: RehearsalStep,
  here: string,
  known: ReadonlySet<string> | undefined,
  complain: Complain,
): void {
  const gaps = (text: string, pointer: string): void => {
    for (const name of parseTemplate(text).names)
      if (known !== undefined && !known.has(name))
        complain(pointer, `asks for {{${name}}}, which nothing before it gives. There are ${[...known].join(", ")}.`);
  };
  if (!/^(?:\/|\{\{)/.test(step.path))
    complain(`${here}/path`, `must begin with "/", not ${JSON.stringify(step.path)}`);
  if (/[^\x21-\x7e]/.test(step.path.replace(/\{\{.*?\}\}/g, "")))
    complain(`${here}/path`, "holds a space or a letter that must be percent-encoded.");
  gaps(step.path, `${here}/path`);
  for (const [name, value] of Object.entries(step.headers)) {
    const place = `${here}/headers/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)) complain(place, "is no name that a header may have.");
    if (ours.has(name.toLowerCase())) complain(place, "is written by the crowd itself: take it away.");
    if (/[^\t\x20-\x7e]/.test(value))
      complain(place, "holds what a header may not: line breaks, or letters beyond ASCII.");
    if (name.toLowerCase() === "accept-encoding" && looksIntoBody(step))
      complain(place, "cannot be sent where the step looks into the body: the crowd does not unpack answers.");
    gaps(value, place);
  }
  if (step.body !== undefined) gaps(JSON.stringify(step.body), `${here}/body`);
  if (typeof step.think === "object" && step.think.least > step.think.most)
    complain(`${here}/think`, `has least (${step.think.least}) above most (${step.think.most}).`);
  if (step.until !== undefined && !/^(?:\/|$)/.test(step.until.json))
    complain(`${here}/until/json`, 'must be a JSON pointer such as "/status".');
  if (step.method === "HEAD" && looksIntoBody(step)) complain(here, "looks into a body, which HEAD does not have.");
  for (const [at, extract] of step.extract.entries()) {
    const place = `${here}/extract/${at}`;
    const ways = [extract.json, extract.header, extract.pattern].filter((way) => way !== undefined).length;
    if (ways !== 1) complain(place, "must say where from, in one way: json, header or pattern.");
    if (extract.json !== undefined && !/^(?:\/|$)/.test(extract.json))
      complain(`${place}/json`, 'must be a JSON pointer such as "/orderNumber".');
    if (Object.hasOwn(ownWords, extract.name))
      complain(`${place}/name`, `"${extract.name}" has a meaning already: ${ownWords[extract.name]}.`);
    if (extract.pattern !== undefined)
      try {
        new RegExp(extract.pattern);
      } catch (error) {
        complain(
          `${place}/pattern`,
          `is no regular expression: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
  }
}

const looksIntoBody = (step: RehearsalStep): boolean =>
  step.until !== undefined ||
  step.waitingRoom === true ||
  step.extract.some(({ json, pattern }) => json !== undefined || pattern !== undefined);

function checkThresholds({ thresholds, journeys }: RehearsalPlan, complain: Complain): void {
  const places = new Set(
    journeys.flatMap((journey) =>
      journey.steps.flatMap((step) => [`${journey.name}/${step.name}`, `${journey.name}/${lineName(step.name)}`]),
    ),
  );
  for (const [at, threshold] of thresholds.entries()) {
    if (threshold.below === undefined && threshold.above === undefined)
      complain(`/thresholds/${at}`, "has no limit: write below or above.");
    if (threshold.step !== undefined && !places.has(threshold.step))
      complain(
        `/thresholds/${at}/step`,
        `there is no step "${threshold.step}"; they are written journey/step, such as "${[...places][0]}".`,
      );
  }
}
