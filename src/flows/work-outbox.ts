/**
 * The worker: takes tasks lane by lane, runs them with bounded concurrency, and says what became of them.
 *
 * idle -> (NOTIFY, or a look every second) -> taking -> running -> done, or put off, or parked -> taking …
 * stopping: takes nothing more, waits for what runs; whatever is cut off comes back when its lease ends.
 */
import type { Lane, Outbox, Task } from "#commerce/outbox/ports.ts";
import type { Clock } from "#kernel/clock.ts";

export type TaskEnd =
  | "settled"
  /** With `payload`, what the task knows when it comes back. */
  | { readonly againInSeconds: number; readonly payload?: Task["payload"] };
export type TaskHandler = (task: Task) => Promise<TaskEnd>;

export type OutboxWorkerOptions = {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly handlers: Readonly<Record<string, TaskHandler>>;
  /** How many tasks of each lane run at once. */
  readonly concurrency: Readonly<Record<Lane, number>>;
  /** Longer than any task may take: after it, another worker takes the task over. */
  readonly leaseSeconds: number;
  readonly onError: (task: Task, error: unknown) => void;
};

/** A task that failed this often is parked for an operator. */
const attemptsMax = 50;
const lookEveryMs = 1000;

export class OutboxWorker {
  readonly #options: OutboxWorkerOptions;
  readonly #stopping = new AbortController();
  #wake: (() => void) | undefined;
  #listening: { stop(): Promise<void> } | undefined;
  #loops: Promise<void>[] = [];
  readonly done: Record<string, number> = {};
  readonly failed: Record<string, number> = {};

  constructor(options: OutboxWorkerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const wakes: (() => void)[] = [];
    this.#wake = () => {
      for (const wake of wakes) wake();
    };
    this.#listening = await this.#options.outbox.woken(() => this.#wake?.());
    for (const lane of ["payments", "notices", "rest"] as const) {
      this.#loops.push(this.#loop(lane, (wake) => wakes.push(wake)));
    }
  }

  /** Takes nothing more; resolves when what was running has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake?.();
    await Promise.all(this.#loops);
    await this.#listening?.stop();
  }

  async #loop(lane: Lane, register: (wake: () => void) => void): Promise<void> {
    const { outbox, clock, concurrency, leaseSeconds } = this.#options;
    const running = new Set<Promise<void>>();
    let nudge: () => void = () => undefined;
    let nudged = false;
    register(() => {
      nudged = true;
      nudge();
    });
    while (!this.#stopping.signal.aborted) {
      const free = concurrency[lane] - running.size;
      nudged = false;
      let tasks: readonly Task[] = [];
      if (free > 0) {
        try {
          tasks = await outbox.take(lane, free, leaseSeconds);
        } catch {
          // The database is away; it is asked again at the next look.
        }
      }
      for (const task of tasks) {
        const run: Promise<void> = this.#run(task).finally(() => {
          running.delete(run);
          nudge();
        });
        running.add(run);
      }
      if (tasks.length > 0 && running.size < concurrency[lane]) continue;
      if (nudged && running.size < concurrency[lane]) continue;
      // Wait for a wake, for a task to end, or for the next look.
      const rest = new AbortController();
      const woken = new Promise<void>((resolve) => {
        nudge = resolve;
      });
      await Promise.race([woken, clock.sleep(lookEveryMs, rest.signal)]);
      rest.abort();
    }
    await Promise.all(running);
  }

  async #run(task: Task): Promise<void> {
    const { outbox, handlers, onError } = this.#options;
    try {
      const handler = handlers[task.topic];
      if (handler === undefined) throw new Error(`no handler for the topic "${task.topic}"`);
      const end = await handler(task);
      if (end === "settled") await outbox.done(task);
      else await outbox.putOff(task, end.againInSeconds, "not settled yet", end.payload);
      this.done[task.topic] = (this.done[task.topic] ?? 0) + 1;
    } catch (error) {
      this.failed[task.topic] = (this.failed[task.topic] ?? 0) + 1;
      onError(task, error);
      const delay = task.attempts >= attemptsMax ? null : Math.min(2 ** Math.min(task.attempts, 8), 300);
      // If even this fails, the lease brings the task back.
      await outbox.putOff(task, delay, error instanceof Error ? error.message : String(error)).catch(() => undefined);
    }
  }
}
