/**
 * The simulated world: processes, the database they share and the wires between them, with the troubles that the plan
 * has for them. `heal` ends all troubles; what is left undone then has to end well by itself.
 */
import { SpillwayError } from "#kernel/error.ts";
import { orderId } from "#kernel/order-number.ts";
import type { SimulationDatabase } from "./database.ts";
import type { Dice } from "./dice.ts";
import type { Mutation } from "./mutants.ts";
import type { Plan } from "./plan.ts";
import { type Process, Scheduler } from "./scheduler.ts";

/** What a caller sees of a connection that broke; its text is what the adapters know such errors by. */
export const broken = (what: string): Error => new Error(`connection lost (simulated): ${what}`);

/** Calls that come again and again, and change nothing when they find nothing. */
const looks = /^(outbox\.take|orders\.waitingSince|payments\.succeededBetween|payments\.find|listen|catalogue\.read)/;

const clientTimeoutMs = 30_000;

export class World {
  readonly dice: Dice;
  readonly plan: Plan;
  readonly scheduler: Scheduler;
  readonly database: SimulationDatabase;
  readonly mutation: Mutation;
  /** What must never be, as it was seen. */
  readonly violations: string[] = [];
  /** Orders that the bank charged more than once, though it was made good. */
  readonly doubleCharges: number[] = [];
  /** What befell this run, by name. */
  readonly befell = new Set<string>();
  healedAtMs: number | undefined;
  /** When somebody last did more than look. */
  lastDeedMs = 0;
  bankOutUntilMs = 0;
  /** The error of the database's clock. */
  databaseOffsetMs = 0;
  #databaseDownUntilMs = 0;
  /** Counts the database's starts: an answer from before the last one never arrives. */
  #databaseStarts = 0;
  #isDeed = false;
  #nextTaskMs: { readonly known: number | undefined } | undefined;
  #listeners: { readonly process: Process; readonly channel: string; readonly wake: () => void }[] = [];
  readonly #mortals: { readonly process: Process; readonly restart: () => void }[] = [];

  constructor(dice: Dice, plan: Plan, database: SimulationDatabase, mutation: Mutation) {
    this.dice = dice;
    this.plan = plan;
    this.scheduler = new Scheduler(dice);
    this.database = database;
    this.mutation = mutation;
  }

  get isHealed(): boolean {
    return this.healedAtMs !== undefined;
  }

  note(process: Process | undefined, text: string, isDull = false): void {
    this.scheduler.note(process, text, isDull);
  }

  violation(text: string): void {
    this.note(undefined, `VIOLATION: ${text}`);
    this.violations.push(text);
  }

  get databaseNowMs(): number {
    return this.scheduler.nowMs + this.databaseOffsetMs;
  }

  /** A trouble of the plan: true with this chance, until the world is healed. */
  trouble(chance: number): boolean {
    return !this.isHealed && chance > 0 && this.dice.chance(chance);
  }

  /** Somebody does more than look: a moment for trouble, and not yet rest. */
  deed(): void {
    this.#nextTaskMs = undefined;
    this.lastDeedMs = this.scheduler.nowMs;
    this.#isDeed = true;
  }

  /**
   * Made good by a refund, but the shopper saw two charges. Only a database whose clock jumps may lead to it: the wait
   * until a call is certainly over goes by that clock.
   */
  chargedTwice(order: number): void {
    this.doubleCharges.push(order);
    if (!this.befell.has("database clock jump"))
      this.violation(`order ${order} was charged twice, if only for a while`);
  }

  /** Anything that is thrown and was not broken on purpose is a finding. */
  unexpected(where: string, error: unknown): void {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      if (/\(simulated\)/.test(cause.message)) return;
    }
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    this.violation(`${where}: ${error instanceof Error ? error.message : String(error)}${cause}`);
  }

  // --- The database.

  /** When the next task of the payments lane is due; asked again only after something has been done. */
  async nextTaskMs(): Promise<number | undefined> {
    if (this.#nextTaskMs === undefined) {
      const [row] = (await this.database.sql.unsafe(
        "select extract(epoch from min(run_at))::float8 * 1000 as ms from outbox where lane = 0 and run_at < 'infinity'",
      )) as { ms: number | null }[];
      this.#nextTaskMs = { known: row?.ms ?? undefined };
    }
    const { known } = this.#nextTaskMs;
    return known === undefined ? undefined : known - this.databaseOffsetMs;
  }

  /** One call of a database adapter by this process. */
  async databaseCall<Answer>(
    process: Process,
    label: string,
    work: () => Promise<Answer>,
    /** The answer, where it is known without asking. */
    known: () => Promise<Answer | undefined> = async () => undefined,
  ): Promise<Answer> {
    const { scheduler } = this;
    const isLook = looks.test(label);
    return await new Promise<Answer>((resolve, reject) => {
      const answer = (tell: () => void) => {
        const start = this.#databaseStarts;
        scheduler.after(process, this.#databaseLatencyMs(), () => {
          this.#isDeed = !isLook;
          if (start === this.#databaseStarts) return tell();
          this.note(process, `hears no answer: ${label}`);
          reject(broken("the database went away"));
        });
      };
      const call = async () => {
        if (scheduler.nowMs < this.#databaseDownUntilMs) return answer(() => reject(broken("the database is down")));
        if (!isLook) this.deed();
        try {
          const value = (await known()) ?? (await this.database.call(this.databaseNowMs, work));
          if (Array.isArray(value) && value.length > 0) this.#nextTaskMs = undefined;
          this.note(process, `${label} -> ${brief(value)}`, isLook && !/"orderId":.*"attempts"/.test(brief(value)));
          if (this.trouble(this.plan.databaseAnswerLost)) {
            this.note(process, "… and the answer is lost");
            answer(() => reject(broken("the answer was lost")));
          } else answer(() => resolve(value));
        } catch (error) {
          this.note(process, `${label} -> ${String(error)}`);
          answer(() => reject(error));
        }
      };
      scheduler.after(process, this.#databaseLatencyMs(), call, { isSent: true });
    });
  }

  #databaseLatencyMs(): number {
    return this.trouble(0.02) ? this.dice.whole(20, 3000) : this.dice.whole(0, 4);
  }

  /** The adapter as this process has it: every call takes its time, and may go wrong on the way. */
  adapter<Port extends object>(process: Process, name: string, port: Port): Port {
    return new Proxy(port, {
      get: (target, key) => {
        const method = Reflect.get(target, key) as (...args: unknown[]) => Promise<unknown>;
        return async (...args: unknown[]) =>
          await this.databaseCall(process, `${name}.${String(key)}(${args.map(brief).join(", ")})`, () =>
            method.apply(target, args),
          );
      },
    });
  }

  /** LISTEN: told soon, or not at all. */
  async listen(process: Process, channel: string, wake: () => void): Promise<{ stop(): Promise<void> }> {
    const nothing = async () => true;
    await this.databaseCall(process, `listen ${channel}`, nothing, nothing);
    const listener = { process, channel, wake };
    this.#listeners.push(listener);
    return {
      stop: async () => {
        this.#listeners = this.#listeners.filter((other) => other !== listener);
      },
    };
  }

  /** NOTIFY, as the commit of a call would send it. */
  notify(channel: string): void {
    this.#listeners = this.#listeners.filter((listener) => listener.process.isAlive);
    for (const listener of this.#listeners) {
      if (listener.channel !== channel || this.trouble(0.1)) continue;
      this.scheduler.after(listener.process, this.dice.whole(0, 10), listener.wake);
    }
  }

  restartDatabase(): void {
    this.befell.add("database restart");
    this.#databaseStarts += 1;
    this.#databaseDownUntilMs = this.scheduler.nowMs + this.dice.whole(50, 8000);
    this.note(undefined, `THE DATABASE RESTARTS, down until ${this.#databaseDownUntilMs}`);
    // Whoever listens has missed what was told meanwhile, and is told so.
    for (const { process, wake } of this.#listeners) {
      this.scheduler.after(process, this.#databaseDownUntilMs - this.scheduler.nowMs + this.dice.whole(0, 500), wake);
    }
  }

  // --- Processes.

  /** Starts a process that comes back some time after each of its ends. */
  keepRunning(name: string, start: (process: Process) => Promise<void>): void {
    const restart = () => {
      const process = this.scheduler.spawn(name, true);
      this.#mortals.push({ process, restart });
      this.note(process, "starts");
      start(process).catch((error: unknown) => {
        this.unexpected(`${name} could not start`, error);
        this.#end(process);
      });
    };
    restart();
  }

  #end(process: Process): void {
    const index = this.#mortals.findIndex((mortal) => mortal.process === process);
    const [mortal] = index < 0 ? [] : this.#mortals.splice(index, 1);
    if (mortal === undefined) return;
    this.scheduler.crash(process);
    const afterMs = this.isHealed ? 500 : this.dice.whole(200, 20_000);
    this.scheduler.after(this.nobody, afterMs, mortal.restart);
  }

  /** Never crashes: shoppers, the bank, and whoever starts processes again. */
  readonly nobody: Process = {
    name: "",
    isMortal: false,
    isAlive: true,
    offsetMs: 0,
    stalledUntilMs: 0,
    crashed: new Promise(() => undefined),
    noteCrash: () => undefined,
  };

  /** After each event of a mortal process something may happen to it, or to what it stands on. */
  afterEvent(process: Process): void {
    const { plan, dice } = this;
    const isDeed = this.#isDeed;
    this.#isDeed = false;
    // Trouble in the middle of something tells more than trouble in idle hours.
    if (this.isHealed || !process.isMortal || !dice.chance(isDeed ? 1 : 0.1)) return;
    if (this.trouble(plan.crash)) {
      this.befell.add("crash");
      this.#end(process);
    } else if (this.trouble(plan.stall)) {
      this.befell.add("stall");
      const ms = dice.chance(0.5) ? dice.whole(100, 10_000) : dice.whole(60_000, 400_000);
      this.note(process, `stalls for ${ms} ms`);
      this.scheduler.stall(process, ms);
    } else if (this.trouble(plan.clockJump)) {
      this.befell.add("clock jump");
      process.offsetMs = dice.pick([0, -3_600_000, 3_600_000, dice.whole(-5000, 5000)]);
      this.note(process, `has its clock wrong by ${process.offsetMs} ms`);
    } else if (this.trouble(plan.databaseClockJump)) {
      this.befell.add("database clock jump");
      this.databaseOffsetMs = dice.pick([0, dice.whole(-60_000, 0), dice.whole(0, 600_000)]);
      this.note(undefined, `THE DATABASE has its clock wrong by ${this.databaseOffsetMs} ms`);
    } else if (this.trouble(plan.databaseRestart)) this.restartDatabase();
    else if (this.trouble(plan.bankOutage)) {
      this.befell.add("bank outage");
      this.bankOutUntilMs = this.scheduler.nowMs + dice.whole(1000, 120_000);
      this.note(undefined, `THE BANK IS OUT until ${this.bankOutUntilMs}`);
    }
  }

  heal(): void {
    if (this.isHealed) return;
    this.note(undefined, "ALL TROUBLES END");
    this.healedAtMs = this.scheduler.nowMs;
    this.bankOutUntilMs = 0;
    this.#databaseDownUntilMs = 0;
    this.databaseOffsetMs = 0;
    for (const { process } of this.#mortals) {
      process.offsetMs = 0;
      process.stalledUntilMs = 0;
    }
  }

  // --- HTTP, from somebody who never crashes to a process that may.

  async request<Answer>(caller: Process, server: Process, work: () => Promise<Answer>): Promise<Answer> {
    await this.scheduler.pause(caller, this.#wireMs());
    if (!server.isAlive || this.trouble(this.plan.messageLost)) throw broken("the request did not arrive");
    let giveUp: () => void = () => undefined;
    const tooLate = new Promise<never>((_, reject) => {
      giveUp = this.scheduler.after(caller, clientTimeoutMs, () => reject(broken("no answer in time")));
    });
    const crashed = server.crashed.then(() => Promise.reject(broken("the server has gone")));
    const answer = await Promise.race([work(), tooLate, crashed]).finally(giveUp);
    if (this.trouble(this.plan.messageLost)) throw broken("the answer did not arrive");
    await this.scheduler.pause(caller, this.#wireMs());
    return answer;
  }

  #wireMs(): number {
    return this.trouble(0.05) ? this.dice.whole(100, 5000) : this.dice.whole(1, 40);
  }
}

/** What a refusal that the shop means to give looks like; anything else that is thrown is not meant. */
export const isMeant = (error: unknown): boolean =>
  error instanceof SpillwayError && (error.code === "database_unavailable" || error.code === "intake_full");

/** Values as the trace shows them: short, and orders by their ids. */
export function brief(value: unknown): string {
  if (value instanceof Map) return `${value.size} entries`;
  const text =
    JSON.stringify(value, (key, part: unknown) => (key === "details" || key === "events" ? undefined : part)) ?? "";
  const readable = text.replace(/S[0-9A-HJKMNP-TV-Z]{8}/g, (number) => `#${orderId(number) ?? number}`);
  return readable.length <= 160 ? readable : `${readable.slice(0, 160)}…`;
}
