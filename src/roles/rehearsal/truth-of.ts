/** Whom a rehearsal asks for the truth: by the plan's `target.kind`, with what `target.settings` says. */
import { isAbsolute, join } from "node:path";
import { createAuditor } from "#adapters/postgres/auditor.ts";
import { createMedusaTruth } from "#adapters/truth-medusa/truth.ts";
import { withRooms } from "#adapters/truth-spillway/rooms.ts";
import { createSpillwayTruth, type SpillwayBooks } from "#adapters/truth-spillway/truth.ts";
import { createVendureTruth } from "#adapters/truth-vendure/truth.ts";
import type { RehearsalPlan } from "#contract/rehearsal-plan.ts";
import { SpillwayError } from "#kernel/error.ts";
import type { Truth } from "#rehearse/ports.ts";
import { readConfig } from "../config.ts";
import { openShopDatabase } from "../shop-database.ts";

const settleSecondsByDefault = 60;
const settleSecondsMax = 3600;

/**
 * Settings: `databaseUrl` (for Spillway also `dataDir`, relative to the plan's folder); `oneOrderPerEmail` "true" (Vendure and
 * Medusa); `settleSeconds` (Spillway); `metricsUrl` of an edge (all). Undefined for the kind "http" without a waiting room: nobody knows its truth.
 */
export function truthOf(plan: RehearsalPlan, folder: string): Truth | undefined {
  const { kind, settings, url: targetUrl } = plan.target;
  const rooms = { metricsUrl: settings.metricsUrl, targetUrl };
  const hasLine = plan.journeys.some(({ steps }) => steps.some(({ waitingRoom }) => waitingRoom === true));
  if (kind === "http") return hasLine ? withRooms(undefined, rooms) : undefined;
  const { databaseUrl, dataDir, metricsUrl } = settings;
  const hasUrl = databaseUrl !== undefined && /^postgres(?:ql)?:\/\//.test(databaseUrl);
  if (!hasUrl && (kind !== "spillway" || dataDir === undefined))
    throw new SpillwayError(
      "bad_usage",
      `A target of kind "${kind}" is asked for the truth by its database: set target.settings.databaseUrl to "postgres://…"${kind === "spillway" ? ", or dataDir to its data folder" : ""}, or the kind to "http".`,
    );
  if (kind !== "spillway" && databaseUrl !== undefined) {
    const given = { databaseUrl, oneOrderPerEmail: settings.oneOrderPerEmail === "true" };
    return withRooms(kind === "vendure" ? createVendureTruth(given) : createMedusaTruth(given), rooms);
  }
  const settleSeconds = Number(settings.settleSeconds ?? settleSecondsByDefault);
  if (!(settleSeconds >= 0 && settleSeconds <= settleSecondsMax))
    throw new SpillwayError("bad_usage", `target.settings.settleSeconds must be between 0 and ${settleSecondsMax}.`);
  return createSpillwayTruth({
    open: async () =>
      await openBooks(
        hasUrl
          ? { DATABASE_URL: databaseUrl }
          : { SPILLWAY_DATA: isAbsolute(dataDir ?? "") ? dataDir : join(folder, dataDir ?? "") },
      ),
    ...(metricsUrl === undefined ? {} : { metricsUrl }),
    targetUrl,
    settleSeconds,
  });
}

/** The shop's own Postgres is shared while it runs; nothing is put on its shelves. */
async function openBooks(where: Readonly<Record<string, string | undefined>>): Promise<SpillwayBooks> {
  const opened = await openShopDatabase(readConfig({ ...where, SPILLWAY_DEMO: "0" }), {
    shareRunning: true,
    seed: false,
    log: () => undefined,
  });
  const sql = opened.database.pool;
  return { sql, auditor: createAuditor(sql), close: async () => await opened.close() };
}
