/**
 * What surprises us is an error with a code. The table lists every code with its HTTP status and what it means;
 * `docs/errors.md` is held against it both ways by test/tidy.
 */
export const errorCodes = {
  // At the door of the API and pages.
  invalid_request: { status: 422, title: "Some fields are missing or wrong" },
  malformed_body: { status: 400, title: "The body could not be read" },
  body_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body is of a type this address does not read" },
  not_found: { status: 404, title: "Nothing is here" },
  method_not_allowed: { status: 405, title: "This address does not take that method" },
  unauthorized: { status: 401, title: "A valid token is needed" },
  forbidden_origin: { status: 403, title: "The form was sent from another site" },
  bad_signature: { status: 401, title: "The signature does not match" },
  // Placing an order.
  sold_out: { status: 409, title: "Sold out" },
  idempotency_key_missing: { status: 400, title: "An Idempotency-Key header is needed" },
  idempotency_key_reused: { status: 409, title: "The same Idempotency-Key came with another body" },
  purchase_limit: { status: 409, title: "Over the limit for one person" },
  promotion_used_up: { status: 409, title: "The promotion code is used up" },
  price_changed: { status: 409, title: "The price has changed" },
  pass_required: { status: 403, title: "This is sold to those whose turn it is" },
  pass_over: { status: 403, title: "The time of this turn is over" },
  pass_used: { status: 409, title: "This turn has bought its order" },
  intake_full: { status: 503, title: "Too many orders at this second" },
  database_unavailable: { status: 503, title: "The database cannot be reached" },
  // At the edge.
  origin_unavailable: { status: 503, title: "The shop does not answer" },
  // Turning an order.
  order_state: { status: 409, title: "The order is not in a state that allows this" },
  stock_conflict: { status: 409, title: "The stock level does not allow this" },
  // Start-up.
  port_in_use: { status: 500, title: "The port is in use" },
  data_folder_in_use: { status: 500, title: "Another Spillway runs on this data folder" },
  data_folder_version: { status: 500, title: "The data folder was made by another version of Postgres" },
  data_folder_unusable: { status: 500, title: "The data folder cannot be used" },
  disk_full: { status: 507, title: "The disk is full" },
  postgres_start: { status: 500, title: "Postgres did not start" },
  postgres_version: { status: 500, title: "This Postgres is too old" },
  schema_newer: { status: 500, title: "The database was made by a newer Spillway" },
  bad_config: { status: 500, title: "The settings are wrong" },
  bad_usage: { status: 500, title: "The command line is wrong" },
  internal: { status: 500, title: "Something went wrong here" },
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An error with a code from the table. `message` is one clear sentence that says what to do. */
export class SpillwayError extends Error {
  readonly code: ErrorCode;
  /** Seconds after which the same call may go through, for `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SpillwayError";
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return errorCodes[this.code].status;
  }
}
