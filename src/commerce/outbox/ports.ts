/**
 * The outbox: work that was written in the commit of the fact that asks for it. Taking is exclusive for a lease; done
 * is deleted; everything a task does must be idempotent, since a worker may die after doing it and before saying so.
 */
export const lanes = { payments: 0, notices: 1, rest: 2 } as const;
export type Lane = keyof typeof lanes;

export type Task = {
  readonly lane: number;
  readonly priority: number;
  /** When it comes back if it is neither done nor put off; part of its identity. */
  readonly leasedUntil: string;
  readonly id: string;
  readonly topic: string;
  readonly orderId: number | null;
  readonly payload: Readonly<Record<string, unknown>>;
  /** 1 the first time. */
  readonly attempts: number;
};

export interface Outbox {
  take(lane: Lane, limit: number, leaseSeconds: number): Promise<readonly Task[]>;
  done(task: Task): Promise<void>;
  /**
   * Puts it off, with what it is to know when it comes back if that is something else. Past the last try it is parked for
   * an operator to see: `delaySeconds` null.
   */
  putOff(task: Task, delaySeconds: number | null, reason: string, payload?: Task["payload"]): Promise<void>;
  /** Calls back when new work was written, whichever process wrote it. */
  woken(listener: () => void): Promise<{ stop(): Promise<void> }>;
  /** Waiting and due, and parked, by lane. */
  depth(): Promise<
    readonly {
      readonly lane: number;
      readonly due: number;
      readonly later: number;
      readonly parked: number;
      readonly oldestDueSeconds: number;
    }[]
  >;
}
