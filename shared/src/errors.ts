/**
 * Every error code that leaves the server, with its HTTP status. Each is described in docs/failure-modes.md; a test compares the two.
 */
export const errorCodes = {
  VALIDATION_FAILED: 400,
  CODE_INVALID: 400,
  UNAUTHENTICATED: 401,
  INVALID_CREDENTIALS: 401,
  SECOND_FACTOR_REQUIRED: 401,
  FORBIDDEN: 403,
  ORIGIN_REFUSED: 403,
  REGISTRATION_CLOSED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  IDEMPOTENCY_KEY_REUSED: 409,
  ACCOUNT_ARCHIVED: 409,
  ACCOUNT_NOT_EMPTY: 409,
  CREDIT_LIMIT_EXCEEDED: 409,
  CATEGORY_IN_USE: 409,
  DUPLICATE_EXTERNAL_ID: 409,
  ENTRY_RECONCILED: 409,
  RECONCILIATION_UNBALANCED: 409,
  RATE_MISSING: 409,
  IMPORT_NOT_READY: 409,
  IMPORT_FILE_GONE: 409,
  IMPORT_FAULTY: 409,
  IMPORT_INTERRUPTED: 409,
  IMPORT_NOT_UNDONE: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  STORAGE_UNAVAILABLE: 503,
  CHAIN_UNAVAILABLE: 503,
  SYNC_UNHEALTHY: 503,
  SYNC_HALTED: 503,
  NOT_LEADER: 503,
  SHUTTING_DOWN: 503,
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** One bad field: `path` is dotted, in the caller's own casing (snake_case over REST, camelCase over tRPC). */
export type ErrorDetail = { path: string; message: string };

/** The one shape of every error answer. */
export type ErrorBody = { code: ErrorCode; message: string; requestId: string; details: ErrorDetail[] };
