/** What is counted while a crowd plays: for each step, and for the second that is running. */
import type { FailureKind, HistogramData, StepResult } from "../result.ts";
import { Histogram } from "./histogram.ts";

export class StepTally {
  readonly response = new Histogram();
  readonly service = new Histogram();
  readonly inLine = new Histogram();
  readonly #statuses = new Float64Array(600);
  readonly #failures = new Map<FailureKind, number>();
  requests = 0;
  errors = 0;
  bytesIn = 0;

  answered(status: number, bytes: number, responseMs: number, serviceMs: number, isError: boolean): void {
    this.requests += 1;
    this.bytesIn += bytes;
    if (isError) this.errors += 1;
    this.#statuses[status] = (this.#statuses[status] as number) + 1;
    this.response.record(responseMs * 1000);
    this.service.record(serviceMs * 1000);
  }

  failed(kind: FailureKind): void {
    this.requests += 1;
    this.errors += 1;
    this.#failures.set(kind, (this.#failures.get(kind) ?? 0) + 1);
  }

  result(journey: string, step: string): StepResult {
    const statuses = [...this.#statuses.entries()].filter(([, count]) => count > 0);
    return {
      journey,
      step,
      requests: this.requests,
      statuses: Object.fromEntries(statuses.map(([status, count]) => [String(status), count])),
      failures: Object.fromEntries(this.#failures),
      errors: this.errors,
      bytesIn: this.bytesIn,
      response: this.response.toData(),
      service: this.service.toData(),
      ...(this.inLine.count === 0 ? {} : { inLine: this.inLine.toData() }),
    };
  }
}

/** One second of one worker. */
export type SecondCount = {
  readonly atSecond: number;
  readonly arrivals: number;
  readonly requests: number;
  readonly errors: number;
  readonly underWay: number;
  readonly response: HistogramData;
};
