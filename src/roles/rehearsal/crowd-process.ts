/**
 * Plays a crowd in this process: gives it a clock, connections and a wake-up call, and watches how late that comes and how
 * much of a core is used.
 *
 * made -> begun -> over (by itself, or stopped)
 */
import { CrowdWire } from "#adapters/bun/crowd-wire.ts";
import { Crowd } from "#rehearse/crowd/crowd.ts";
import { repertoireOf } from "#rehearse/crowd/journey.ts";
import type { WorkerPart } from "#rehearse/crowd/outcome.ts";
import { Histogram } from "#rehearse/measure/histogram.ts";
import type { SecondCount } from "#rehearse/measure/tally.ts";
import type { CrowdJob } from "./job.ts";

export type CrowdProcess = {
  begin(inMs: number): void;
  stop(): void;
  readonly over: Promise<WorkerPart>;
};

/** What a timer of this runtime can do; what lies nearer is waited for by going round the loop, as far as there is time for. */
const timerMs = 1;
/** Of its time that a process may spend going round, so that it does not take the core from what it measures. */
const spinShareMost = 0.1;
const sleepMostMs = 20;

export function crowdProcess(job: CrowdJob, report: (second: SecondCount) => void): CrowdProcess {
  const { plan } = job;
  const now = () => performance.now();
  const repertoire = repertoireOf(plan, job.tables, job.agent);
  const done = Promise.withResolvers<WorkerPart>();
  const loopLag = new Histogram();
  const cpuShares: number[] = [];
  let crowd: Crowd | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let plannedMs = Number.POSITIVE_INFINITY;
  let spunMs = 0;
  let beganMs = 0;
  let isSpinning = false;
  let cpuAt = process.cpuUsage();
  let cpuAtBegin = cpuAt;
  let cpuAtMs = 0;

  const wire = new CrowdWire({
    url: plan.target.url,
    trustAnyCertificate: plan.target.trustAnyCertificate,
    connectionsMax: Math.max(1, Math.floor(plan.connectionsMax / job.share.of)),
    timeoutMs: plan.timeoutSeconds * 1000,
    now,
    afterwards: (nowMs) => {
      if (crowd !== undefined) planned(crowd.turn(nowMs), nowMs);
    },
  });

  function planned(nextMs: number, nowMs: number): void {
    // The timer that is set comes early enough.
    if (nextMs >= plannedMs || isSpinning) return;
    const waitMs = nextMs - nowMs;
    clearTimeout(timer);
    if (nextMs === Number.POSITIVE_INFINITY) return;
    const isBehind = waitMs <= 0;
    if (isBehind || (waitMs < timerMs && spunMs < (nowMs - beganMs) * spinShareMost)) {
      isSpinning = true;
      plannedMs = Number.POSITIVE_INFINITY;
      setImmediate(spin, isBehind ? Number.POSITIVE_INFINITY : nowMs);
      return;
    }
    const sleepMs = Math.min(Math.max(timerMs, Math.floor(waitMs)), sleepMostMs);
    plannedMs = nowMs + sleepMs;
    timer = setTimeout(wake, sleepMs);
  }

  function wake(): void {
    const nowMs = now();
    loopLag.record((nowMs - plannedMs) * 1000);
    plannedMs = Number.POSITIVE_INFINITY;
    if (crowd !== undefined) planned(crowd.turn(nowMs), nowMs);
  }

  function spin(sinceMs: number): void {
    const nowMs = now();
    spunMs += Math.max(0, nowMs - sinceMs);
    isSpinning = false;
    if (crowd !== undefined) planned(crowd.turn(nowMs), nowMs);
  }

  function countCpu(): void {
    const nowMs = now();
    const used = process.cpuUsage(cpuAt);
    cpuShares.push((used.user + used.system) / 1000 / Math.max(nowMs - cpuAtMs, 1));
    cpuAt = process.cpuUsage();
    cpuAtMs = nowMs;
  }

  return {
    begin(inMs) {
      beganMs = now() + inMs;
      const zeroMs = beganMs + plan.warmUpSeconds * 1000;
      crowd = new Crowd({
        plan,
        repertoire,
        pieces: job.pieces,
        share: job.share,
        runName: job.runName,
        wire,
        now,
        wallZeroMs: performance.timeOrigin,
        beginMs: beganMs,
        report: (second) => {
          countCpu();
          report(second);
        },
        over: (part) => {
          crowd = undefined;
          clearTimeout(timer);
          wire.close();
          const used = process.cpuUsage(cpuAtBegin);
          done.resolve({
            ...part,
            loopLag: loopLag.toData(),
            cpuShares,
            cpuSeconds: (used.user + used.system) / 1e6,
          });
        },
      });
      setTimeout(
        () => {
          cpuAt = process.cpuUsage();
          cpuAtBegin = cpuAt;
          cpuAtMs = now();
          loopLag.clear();
        },
        Math.max(0, zeroMs - now()),
      );
      planned(beganMs, now());
    },
    stop: () => {
      if (crowd !== undefined) crowd.stop(now());
      else wire.close();
    },
    over: done.promise,
  };
}
