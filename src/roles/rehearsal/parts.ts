/** Which drills, truths, judges and reports a rehearsal has. */
import type { RehearsalParts } from "#rehearse/ports.ts";

export const rehearsalParts: RehearsalParts = { writers: [] };
