/**
 * The Universal Scalability Law, fitted to measured points: how throughput grows with load, where it turns, and how sure
 * that is.
 *
 *   X(N) = gamma N / (1 + alpha (N - 1) + beta N (N - 1))
 *
 * alpha is what must wait for one another (0 to 1), beta what must agree with one another, gamma the throughput of one.
 * Source: N. J. Gunther, "Guerrilla Capacity Planning" (2007), chapter 4 to 6.
 */

/** Load is what is under way at once, throughput what is done per second. */
export type LoadPoint = { readonly load: number; readonly throughput: number };

export type UslLaw = { readonly alpha: number; readonly beta: number; readonly gamma: number };

export type UslFit = UslLaw & {
  readonly standardErrors: UslLaw;
  /** Of (alpha, beta, gamma), in this order. */
  readonly covariance: readonly (readonly number[])[];
  readonly degreesOfFreedom: number;
  /** Of the throughput, in its own unit. */
  readonly residualError: number;
};

export function uslThroughput({ alpha, beta, gamma }: UslLaw, load: number): number {
  return (gamma * load) / (1 + alpha * (load - 1) + beta * load * (load - 1));
}

/** Where throughput is greatest; without end when nothing has to agree (beta 0). */
export function peakLoad({ alpha, beta }: UslLaw): number {
  return beta === 0 ? Number.POSITIVE_INFINITY : Math.sqrt((1 - alpha) / beta);
}

/** The throughput that contention alone would allow. */
export function throughputLimit({ alpha, gamma }: UslLaw): number {
  return alpha === 0 ? Number.POSITIVE_INFINITY : gamma / alpha;
}

/** Where the straight line of no contention meets that limit. */
export function optimalLoad({ alpha }: UslLaw): number {
  return alpha === 0 ? Number.POSITIVE_INFINITY : 1 / alpha;
}

/** How X changes with the load: dX/dN. */
export function uslSlope({ alpha, beta, gamma }: UslLaw, load: number): number {
  const divisor = 1 + alpha * (load - 1) + beta * load * (load - 1);
  return (gamma * (1 - alpha - beta * load ** 2)) / divisor ** 2;
}

/** How X at a load changes with (alpha, beta, gamma). */
export function uslGradient(law: UslLaw, load: number): [number, number, number] {
  const throughput = uslThroughput(law, load);
  const divisor = 1 + law.alpha * (load - 1) + law.beta * load * (load - 1);
  return [(-throughput * (load - 1)) / divisor, (-throughput * load * (load - 1)) / divisor, load / divisor];
}

const stepsMax = 500;

/**
 * Least squares by Levenberg and Marquardt, with alpha in [0, 1], beta and gamma not negative. Wants at least four points
 * above zero; what they say is not asked here (see knee.ts).
 */
export function fitUsl(points: readonly LoadPoint[]): UslFit {
  let law = linearised(points);
  let error = squares(points, law);
  let damping = 1e-3;
  for (let step = 0; step < stepsMax && damping < 1e12; step += 1) {
    const { normal, slope } = normalEquations(points, law);
    const damped = normal.map((row, index) =>
      row.map((value, column) => (index === column ? value * (1 + damping) + Number.MIN_VALUE : value)),
    );
    const move = solve(damped, slope);
    if (move === undefined) {
      damping *= 10;
      continue;
    }
    const next = bounded(law.alpha + (move[0] ?? 0), law.beta + (move[1] ?? 0), law.gamma + (move[2] ?? 0));
    const nextError = squares(points, next);
    if (nextError > error) {
      damping *= 10;
      continue;
    }
    const gained = error - nextError;
    law = next;
    error = nextError;
    damping = Math.max(damping / 10, 1e-12);
    if (gained <= 1e-15 * error) break;
  }

  const degreesOfFreedom = points.length - 3;
  const variance = error / Math.max(degreesOfFreedom, 1);
  const covariance = invert(normalEquations(points, law).normal).map((row) => row.map((value) => value * variance));
  const errorOf = (index: number): number => Math.sqrt(Math.max(covariance[index]?.[index] ?? 0, 0));
  return {
    ...law,
    standardErrors: { alpha: errorOf(0), beta: errorOf(1), gamma: errorOf(2) },
    covariance,
    degreesOfFreedom,
    residualError: Math.sqrt(variance),
  };
}

const bounded = (alpha: number, beta: number, gamma: number): UslLaw => ({
  alpha: Math.min(Math.max(alpha, 0), 1),
  beta: Math.max(beta, 0),
  gamma: Math.max(gamma, Number.MIN_VALUE),
});

/** N / X is linear in 1/gamma, alpha/gamma and beta/gamma: where the search begins. */
function linearised(points: readonly LoadPoint[]): UslLaw {
  const rows = points.map(({ load }) => [1, load - 1, load * (load - 1)]);
  const normal = [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => rows.reduce((sum, row) => sum + (row[i] ?? 0) * (row[j] ?? 0), 0)),
  );
  const right = [0, 1, 2].map((i) =>
    points.reduce((sum, { load, throughput }, at) => sum + ((rows[at]?.[i] ?? 0) * load) / throughput, 0),
  );
  const [perUnit = 0, contention = 0, coherence = 0] = solve(normal, right) ?? [];
  const steepest = Math.max(...points.map(({ load, throughput }) => throughput / load));
  if (!(perUnit > 0)) return bounded(0.05, 1e-4, steepest);
  return bounded(contention / perUnit, coherence / perUnit, 1 / perUnit);
}

function squares(points: readonly LoadPoint[], law: UslLaw): number {
  return points.reduce((sum, { load, throughput }) => sum + (throughput - uslThroughput(law, load)) ** 2, 0);
}

function normalEquations(points: readonly LoadPoint[], law: UslLaw): { normal: number[][]; slope: number[] } {
  const normal = [0, 1, 2].map(() => [0, 0, 0]);
  const slope = [0, 0, 0];
  for (const { load, throughput } of points) {
    const gradient = uslGradient(law, load);
    const residual = throughput - uslThroughput(law, load);
    for (let i = 0; i < 3; i += 1) {
      slope[i] = (slope[i] ?? 0) + (gradient[i] ?? 0) * residual;
      for (let j = 0; j < 3; j += 1) {
        const row = normal[i] as number[];
        row[j] = (row[j] ?? 0) + (gradient[i] ?? 0) * (gradient[j] ?? 0);
      }
    }
  }
  return { normal, slope };
}

/**
 * Gauss' elimination with the greatest pivot, after the unknowns are scaled to one size: alpha, beta and gamma lie many
 * powers of ten apart. Undefined when the equations do not decide.
 */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] | undefined {
  const size = right.length;
  const scale = matrix.map((row, index) => Math.sqrt(Math.abs(row[index] ?? 0)) || 1);
  const rows = matrix.map((row, i) => [
    ...row.map((value, j) => value / ((scale[i] ?? 1) * (scale[j] ?? 1))),
    (right[i] ?? 0) / (scale[i] ?? 1),
  ]);
  for (let column = 0; column < size; column += 1) {
    let pivot = column;
    for (let row = column + 1; row < size; row += 1)
      if (Math.abs(rows[row]?.[column] ?? 0) > Math.abs(rows[pivot]?.[column] ?? 0)) pivot = row;
    const head = rows[pivot] as number[];
    rows[pivot] = rows[column] as number[];
    rows[column] = head;
    const lead = head[column] ?? 0;
    if (Math.abs(lead) < 1e-14) return undefined;
    for (let row = 0; row < size; row += 1) {
      if (row === column) continue;
      const other = rows[row] as number[];
      const factor = (other[column] ?? 0) / lead;
      for (let at = column; at <= size; at += 1) other[at] = (other[at] ?? 0) - factor * (head[at] ?? 0);
    }
  }
  return rows.map((row, index) => (row[size] ?? 0) / ((row[index] ?? 1) * (scale[index] ?? 1)));
}

/** Infinite where the points say nothing about a parameter. */
function invert(matrix: readonly (readonly number[])[]): number[][] {
  const columns = matrix.map((_row, index) =>
    solve(
      matrix,
      matrix.map((_other, at) => (at === index ? 1 : 0)),
    ),
  );
  return matrix.map((_row, i) =>
    matrix.map((_other, j) => columns[j]?.[i] ?? (i === j ? Number.POSITIVE_INFINITY : 0)),
  );
}
