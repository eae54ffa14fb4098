/** What waiting rooms need of this machine, and the rooms made of it: opened when a configuration first has some, kept over later ones. */

import { isTimedSignature } from "#adapters/internal/timed-signature.ts";
import { createEmailSmtpSender } from "#adapters/notices/email-smtp.ts";
import { createCheckpointFile } from "#adapters/system/checkpoint-file.ts";
import { systemClock, systemRandom } from "#adapters/system/clock.ts";
import { createMemoryLineStore } from "#adapters/system/line-store.ts";
import { drawQr } from "#adapters/system/qr.ts";
import { createTellerBook } from "#adapters/system/teller-book.ts";
import { createVerifyBot } from "#adapters/system/verify-bot.ts";
import { createLineStore } from "#adapters/valkey/line-store.ts";
import type { NoticeSender } from "#commerce/notices/ports.ts";
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Meter } from "#edge/ports.ts";
import { openLine } from "#edge/waiting-room/open-line.ts";
import type { LineStore, RoomMail } from "#edge/waiting-room/ports.ts";
import { createRooms, type Rooms } from "#edge/waiting-room/rooms.ts";
import type { EdgeSecrets } from "./edge-secrets.ts";
import { roomFiles } from "./room-files.ts";
import { roomKeysOf } from "./room-keys.ts";
import { smtpOptions } from "./smtp-options.ts";

export type RoomParts = {
  /** Undefined while no room is configured. */
  rooms(): Rooms | undefined;
  /** Tags whose cached answers must be asked for again. */
  configure(config: EdgeConfig): Promise<readonly string[]>;
  close(): Promise<void>;
};

export type RoomPartsOptions = {
  readonly secrets: EdgeSecrets;
  readonly meter: Meter;
  readonly log: (line: string) => void;
  /** 0 to 3. */
  readonly pressure: () => number;
  /** Where e-mails go when the configuration names no relay; none are sent without either. */
  readonly mailbox?: NoticeSender | undefined;
  /** Where what must outlive this process is kept when the configuration names no folder. */
  readonly stateDir?: string | undefined;
};

export function createRoomParts(options: RoomPartsOptions): RoomParts {
  let rooms: Rooms | undefined;
  let store: LineStore | undefined;
  let isMetered = false;

  async function open(config: EdgeConfig): Promise<Rooms> {
    const { waitingRooms } = config;
    const { storeUrl, smtpUrl, mailFrom = "", stockSecret, joinsPerSecondMax } = waitingRooms;
    const stateDir = waitingRooms.stateDir ?? options.stateDir;
    const keys = roomKeysOf(...options.secrets);
    const shared = storeUrl === undefined ? createMemoryLineStore(systemClock.now) : createLineStore({ url: storeUrl });
    store = shared;
    const checkpoint = stateDir === undefined ? undefined : createCheckpointFile(stateDir);
    const sender = smtpUrl === undefined ? options.mailbox : createEmailSmtpSender(smtpOptions(smtpUrl, mailFrom));
    const later = (ms: number, run: () => void): (() => void) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    };
    const { pressure } = options;
    return await createRooms(waitingRooms, {
      keys,
      store: shared,
      openLine: async (room) =>
        await openLine(room, {
          store: shared,
          isShared: storeUrl !== undefined,
          keys,
          checkpoint,
          wallMs: systemClock.now,
          monotonicMs: () => performance.now(),
          later,
          joinsPerSecondMax,
          pressure,
        }),
      verifyBot: createVerifyBot(systemClock.now),
      verifyStockSignature: (header, body, nowMs) =>
        stockSecret !== undefined && isTimedSignature(header, body, [stockSecret], nowMs),
      drawQr,
      mail: sender === undefined ? undefined : mailOf(sender),
      book: createTellerBook(stateDir),
      files: await roomFiles(),
      random: systemRandom,
      meter: options.meter,
      now: systemClock.now,
      later,
      pressure,
      siteName: config.fallback.siteName,
      report: (error) => options.log(`waiting room: ${error instanceof Error ? error.message : String(error)}`),
    });
  }

  function meterOnce(): void {
    if (isMetered) return;
    isMetered = true;
    const each = (read: (one: ReturnType<Rooms["all"]>[number]) => number) => () =>
      (rooms?.all() ?? []).map((one) => [{ room: one.config.id }, read(one)] as const);
    const { gauge } = options.meter;
    gauge(
      "spillway_room_waiting",
      "Places that were given and not called.",
      each(({ line }) => line.stats().waiting),
    );
    gauge(
      "spillway_room_called",
      "Rank up to which places are called.",
      each(({ line }) => line.now().cursor),
    );
    gauge(
      "spillway_room_at_the_door",
      "Called, and waiting for an admission.",
      each(({ line }) => line.stats().atTheDoor),
    );
    gauge(
      "spillway_room_active",
      "Inside, as the line counts.",
      each(({ line }) => line.stats().active),
    );
    gauge(
      "spillway_room_admitted_last_minute",
      "Admitted in the last 60 seconds.",
      each(({ line }) => line.stats().admittedLastMinute),
    );
    gauge(
      "spillway_room_outflow_per_minute",
      "How many may be admitted in any 60 seconds.",
      each(({ line }) => line.stats().outflowPerMinute),
    );
    gauge(
      "spillway_room_admitted_total",
      "Admitted by all edges since the line began.",
      each(({ line }) => line.stats().admitted),
    );
    gauge(
      "spillway_room_edges",
      "Edges that share the line, heard of lately.",
      each(({ line }) => line.stats().edges),
    );
    gauge(
      "spillway_room_resumed_total",
      "How often the line was made again after a loss.",
      each(({ line }) => line.stats().resumed),
    );
    gauge(
      "spillway_room_admitted_in_minute_most",
      "The most that this edge admitted in any 60 seconds since it began.",
      each(({ line }) => line.stats().mostInMinute),
    );
    gauge(
      "spillway_room_admitted_beyond_total",
      "Admitted by this edge beyond what was allowed in their 60 seconds; 0, or something is wrong.",
      each(({ line }) => line.stats().beyondOutflow),
    );
    gauge(
      "spillway_room_stranded_last_minute",
      "Admissions that came to nothing with an edge that was lost.",
      each(({ line }) => line.stats().strandedLastMinute),
    );
    gauge(
      "spillway_room_admitted_cut_off",
      "Admitted by this edge with what it held while the store was silent, since it began.",
      each(({ line }) => line.stats().admittedCutOff),
    );
    gauge(
      "spillway_room_used_twice",
      "Of these, places that another edge was found to have let in as well, at most.",
      each(({ line }) => line.stats().usedTwice),
    );
    gauge(
      "spillway_room_reachable",
      "1 while the line\u2019s store answers.",
      each(({ line }) => (line.isReachable() ? 1 : 0)),
    );
  }

  return {
    rooms: () => rooms,
    async configure(config) {
      if (rooms === undefined) {
        if (config.waitingRooms.rooms.length === 0) return [];
        rooms = await open(config);
        meterOnce();
        return config.waitingRooms.rooms.flatMap(({ match }) => match.tags);
      }
      return await rooms.configure(config.waitingRooms, config.fallback.siteName);
    },
    async close() {
      await rooms?.stop();
      await store?.close();
    },
  };
}

function mailOf(sender: NoticeSender): RoomMail {
  return {
    async send({ to, subject, text }) {
      const notice = { messageId: crypto.randomUUID(), channel: "email", to, subject, text, html: null } as const;
      const outcome = await sender.send(notice, AbortSignal.timeout(30_000));
      // An address that never takes anything is as good as told.
      if (outcome.kind === "failed") throw new Error(`An e-mail could not be handed over: ${outcome.reason}`);
    },
  };
}
