/**
 * A rehearsal's plan: one typed file (`.ts`, `.yaml` or `.json`). The same schema checks it, fills in what is left out,
 * and is published as JSON schema by `bin/spillway rehearse --schema`.
 *
 * Times are seconds unless the name ends in Ms; rates are per second.
 */
import Type from "typebox";

const closed = { additionalProperties: false } as const;
const seconds = (description: string) => Type.Number({ minimum: 0, maximum: 86_400, description });
const perSecond = (description: string) => Type.Number({ minimum: 0, maximum: 1_000_000, description });

/** Who comes when, as journeys begun per second. Open model: nobody waits for anybody's answer. */
export const Arrivals = Type.Union([
  Type.Object(
    { shape: Type.Literal("constant"), perSecond: perSecond("All the time"), seconds: seconds("How long") },
    closed,
  ),
  Type.Object(
    {
      shape: Type.Literal("ramp"),
      fromPerSecond: perSecond("At the beginning"),
      toPerSecond: perSecond("At the end"),
      seconds: seconds("How long"),
    },
    closed,
  ),
  Type.Object(
    {
      shape: Type.Literal("spike"),
      basePerSecond: perSecond("Before and after"),
      peakPerSecond: perSecond("At the top"),
      beforeSeconds: seconds("At the base"),
      riseSeconds: seconds("From base to peak"),
      holdSeconds: seconds("At the peak"),
      fallSeconds: seconds("From peak to base"),
      afterSeconds: seconds("At the base again"),
    },
    closed,
  ),
  Type.Object(
    {
      shape: Type.Literal("steps"),
      steps: Type.Array(
        Type.Object({ perSecond: perSecond("Of this step"), seconds: seconds("Of this step") }, closed),
        {
          minItems: 1,
          maxItems: 1000,
        },
      ),
    },
    closed,
  ),
  Type.Object(
    {
      shape: Type.Literal("history"),
      file: Type.String({ description: "CSV with a header: a time and a count for each minute" }),
      from: Type.Optional(Type.String({ description: "First minute, as the file writes it" })),
      minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_080 })),
      peakPerSecond: perSecond("What the busiest minute of the history becomes"),
      minuteSeconds: Type.Number({
        minimum: 0.1,
        maximum: 60,
        default: 60,
        description: "How long a minute of it lasts here",
      }),
    },
    closed,
  ),
]);

const Think = Type.Union([
  Type.Number({ minimum: 0, maximum: 3600 }),
  Type.Object({ least: Type.Number({ minimum: 0 }), most: Type.Number({ minimum: 0, maximum: 3600 }) }, closed),
]);

/** Takes something out of an answer for later steps, which name it as {{name}}. */
const Extract = Type.Object(
  {
    name: Type.String({ pattern: "^[a-zA-Z][a-zA-Z0-9]*$" }),
    json: Type.Optional(Type.String({ description: "JSON pointer into the body (RFC 6901)" })),
    header: Type.Optional(Type.String()),
    pattern: Type.Optional(Type.String({ description: "Regular expression over the body; its first group is taken" })),
  },
  closed,
);

export const RehearsalStep = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 80 }),
    method: Type.String({ pattern: "^[A-Z]+$", default: "GET" }),
    path: Type.String({ description: "Path and query; {{name}} is replaced by data, extracts, {{uuid}}, {{number}}" }),
    headers: Type.Record(Type.String(), Type.String(), { default: {} }),
    body: Type.Optional(
      Type.Unknown({ description: "A text as it is; anything else is sent as JSON. {{name}} inside is replaced" }),
    ),
    expect: Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), {
      default: [],
      description: "Statuses that are a success; any below 400 when empty",
    }),
    expectedMs: Type.Number({
      minimum: 0,
      default: 0,
      description:
        "How long the answer is expected to take: a step that depends on it is due that long after its own due time",
    }),
    think: Type.Optional(Think),
    extract: Type.Array(Extract, { default: [], maxItems: 20 }),
    until: Type.Optional(
      Type.Object(
        {
          json: Type.String({ description: "Asked again until this place of the body (RFC 6901) …" }),
          is: Type.Array(Type.String(), { minItems: 1, description: "… is one of these" }),
          everySeconds: Type.Number({ minimum: 0.05, maximum: 60, default: 1 }),
          most: Type.Integer({ minimum: 1, maximum: 1000, default: 60 }),
        },
        closed,
      ),
    ),
    waitingRoom: Type.Optional(
      Type.Boolean({
        description: "Stands in line when it is sent to a waiting room, as a person does, and goes on when admitted",
      }),
    ),
  },
  closed,
);
export type RehearsalStep = Type.Static<typeof RehearsalStep>;

export const RehearsalJourney = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 80 }),
    weight: Type.Number({ exclusiveMinimum: 0, default: 1, description: "Its share of the arrivals" }),
    steps: Type.Array(RehearsalStep, { minItems: 1, maxItems: 100 }),
    data: Type.Optional(
      Type.Object(
        {
          file: Type.String({ description: "CSV with a header; each column is a {{name}}" }),
          order: Type.Union([Type.Literal("in turn"), Type.Literal("random"), Type.Literal("once")], {
            default: "in turn",
          }),
        },
        closed,
      ),
    ),
  },
  closed,
);
export type RehearsalJourney = Type.Static<typeof RehearsalJourney>;

/** How a shopper's device reads: a slow phone takes what it is sent no faster than this. */
const Device = Type.Object(
  {
    name: Type.String(),
    weight: Type.Number({ exclusiveMinimum: 0, default: 1 }),
    userAgent: Type.Optional(Type.String()),
    bytesPerSecond: Type.Optional(Type.Number({ minimum: 1000, description: "Its downlink; unlimited when left out" })),
  },
  closed,
);

export const Threshold = Type.Object(
  {
    of: Type.String({
      description:
        'A metric: "response.p99", "service.p95", "errors.share", "requests.perSecond", "journeys.share"; or a promise of the truth, "truth.oversold"',
    }),
    step: Type.Optional(Type.String({ description: "journey/step; all steps together when left out" })),
    below: Type.Optional(Type.Number()),
    above: Type.Optional(Type.Number()),
  },
  closed,
);
export type Threshold = Type.Static<typeof Threshold>;

export const RehearsalPlan = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    name: Type.String({ default: "rehearsal", maxLength: 120 }),
    target: Type.Object(
      {
        url: Type.String({ pattern: "^https?://" }),
        kind: Type.Union(
          [Type.Literal("spillway"), Type.Literal("vendure"), Type.Literal("medusa"), Type.Literal("http")],
          {
            default: "http",
            description: "Who is asked for the truth afterwards",
          },
        ),
        owned: Type.Array(Type.String(), {
          default: [],
          maxItems: 50,
          description:
            "Hosts that are yours to load, as they stand in the URL; nothing is sent to another. This machine always is",
        }),
        trustAnyCertificate: Type.Boolean({ default: false, description: "For a staging host that signed its own" }),
        settings: Type.Record(Type.String(), Type.String(), {
          default: {},
          description: "What that adapter wants to know, such as databaseUrl",
        }),
      },
      closed,
    ),
    model: Type.Union([Type.Literal("open"), Type.Literal("closed")], { default: "open" }),
    arrivals: Type.Optional(Arrivals),
    closed: Type.Optional(
      Type.Object({ users: Type.Integer({ minimum: 1, maximum: 1_000_000 }), seconds: seconds("How long") }, closed),
    ),
    spacing: Type.Union([Type.Literal("random"), Type.Literal("even")], {
      default: "random",
      description:
        'How arrivals lie within their rate: "random" as people come, who know nothing of each other (a Poisson process), or all alike',
    }),
    scale: Type.Number({ exclusiveMinimum: 0, maximum: 100, default: 1, description: "1.5 is 150 % of the arrivals" }),
    journeys: Type.Array(RehearsalJourney, { minItems: 1, maxItems: 100 }),
    devices: Type.Array(Device, { default: [], maxItems: 50 }),
    thresholds: Type.Array(Threshold, { default: [], maxItems: 200 }),
    drills: Type.Array(Type.Object({ file: Type.String(), atSeconds: seconds("After the beginning") }, closed), {
      default: [],
      maxItems: 50,
    }),
    timeoutSeconds: Type.Number({ minimum: 0.1, maximum: 3600, default: 30 }),
    connections: Type.Union([Type.Literal("shared"), Type.Literal("own")], {
      default: "shared",
      description:
        '"shared": a free connection serves whoever comes next, as behind a CDN; "own": each shopper opens one, as browsers do',
    }),
    lateStartMs: Type.Number({
      minimum: 1,
      maximum: 10_000,
      default: 50,
      description: "The run is void when one start in a hundred was later than this by the generator's own doing",
    }),
    connectionsMax: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 20_000 }),
    requestsMax: Type.Integer({
      minimum: 1,
      maximum: 4_000_000_000,
      default: 100_000_000,
      description: "The run ends here at the latest",
    }),
    warmUpSeconds: Type.Number({ minimum: 0, maximum: 3600, default: 0, description: "Not measured" }),
    seed: Type.Integer({ minimum: 0, maximum: 4_294_967_295, default: 1 }),
  },
  closed,
);
export type RehearsalPlan = Type.Static<typeof RehearsalPlan>;
