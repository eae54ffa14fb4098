/**
 * When journeys begin: a plan's shape of arrivals as straight pieces of rate over time, and the moments that follow from it.
 * Nobody waits for anybody's answer (the open model): the moments depend on the plan and its seed alone.
 */
import type { RehearsalPlan } from "#contract/rehearsal-plan.ts";
import type { Random } from "#kernel/clock.ts";

/** The rate goes in a straight line from one to the other. */
export type Piece = { readonly fromPerSecond: number; readonly toPerSecond: number; readonly seconds: number };

export type Shape = NonNullable<RehearsalPlan["arrivals"]>;

/** `history`: counts of each minute, where the shape is one; the busiest becomes the peak, minutes keep their proportions. */
export function piecesOf(shape: Shape, scale: number, history: readonly number[] = []): Piece[] {
  const flat = (perSecond: number, seconds: number): Piece => ({
    fromPerSecond: perSecond * scale,
    toPerSecond: perSecond * scale,
    seconds,
  });
  const slope = (from: number, to: number, seconds: number): Piece => ({
    fromPerSecond: from * scale,
    toPerSecond: to * scale,
    seconds,
  });
  const pieces = ((): Piece[] => {
    switch (shape.shape) {
      case "constant":
        return [flat(shape.perSecond, shape.seconds)];
      case "ramp":
        return [slope(shape.fromPerSecond, shape.toPerSecond, shape.seconds)];
      case "spike":
        return [
          flat(shape.basePerSecond, shape.beforeSeconds),
          slope(shape.basePerSecond, shape.peakPerSecond, shape.riseSeconds),
          flat(shape.peakPerSecond, shape.holdSeconds),
          slope(shape.peakPerSecond, shape.basePerSecond, shape.fallSeconds),
          flat(shape.basePerSecond, shape.afterSeconds),
        ];
      case "steps":
        return shape.steps.map((step) => flat(step.perSecond, step.seconds));
      case "history": {
        const busiest = history.reduce((most, count) => Math.max(most, count), 0);
        return history.map((count) =>
          flat(busiest === 0 ? 0 : (count / busiest) * shape.peakPerSecond, shape.minuteSeconds),
        );
      }
    }
  })();
  return pieces.filter(({ seconds }) => seconds > 0);
}

export const secondsOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, piece) => sum + piece.seconds, 0);

/** How many journeys the pieces ask for: the area under the rate. */
export const massOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, piece) => sum + areaOf(piece), 0);

export const peakOf = (pieces: readonly Piece[]): number =>
  pieces.reduce((most, { fromPerSecond, toPerSecond }) => Math.max(most, fromPerSecond, toPerSecond), 0);

/** When the peak is reached, in seconds from the first piece's begin. */
export function peakSecondOf(pieces: readonly Piece[]): number {
  const peak = peakOf(pieces);
  let from = 0;
  for (const piece of pieces) {
    if (piece.fromPerSecond === peak) return from;
    from += piece.seconds;
    if (piece.toPerSecond === peak) return from;
  }
  return 0;
}

const areaOf = ({ fromPerSecond, toPerSecond, seconds }: Piece): number =>
  ((fromPerSecond + toPerSecond) / 2) * seconds;

/**
 * The moments, in seconds from the first piece's begin, ascending. "even": the n-th stands where the area under the rate
 * reaches n + 1/2, so that every shape keeps its count. "random": a Poisson process of that rate, the areas between two
 * moments being exponential with mean 1 (time change; Çinlar, Introduction to Stochastic Processes, 4.7).
 */
export function* arrivalSeconds(
  pieces: readonly Piece[],
  spacing: RehearsalPlan["spacing"],
  random: Random,
): Generator<number, void, undefined> {
  const gap = spacing === "even" ? () => 1 : () => -Math.log(1 - random());
  let wanted = spacing === "even" ? 0.5 : gap();
  let mass = 0;
  let beginSeconds = 0;
  for (const piece of pieces) {
    const area = areaOf(piece);
    while (wanted < mass + area) {
      yield beginSeconds + Math.min(secondsInto(piece, wanted - mass), piece.seconds);
      wanted += gap();
    }
    mass += area;
    beginSeconds += piece.seconds;
  }
}

/** Where within the piece the area reaches `mass`: the root of a quadratic, in the form that is stable near a flat rate. */
function secondsInto({ fromPerSecond, toPerSecond, seconds }: Piece, mass: number): number {
  const rise = (toPerSecond - fromPerSecond) / (2 * seconds);
  return (2 * mass) / (fromPerSecond + Math.sqrt(Math.max(0, fromPerSecond ** 2 + 4 * rise * mass)));
}
