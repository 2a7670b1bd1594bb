import { errorCodes, type ErrorCode, type ErrorDetail } from '@finverse/shared';

type AppErrorOptions = { cause?: unknown; details?: ErrorDetail[]; retryAfterSeconds?: number };

/** An error whose code, message and details may leave the server. `cause` never does. */
export class AppError extends Error {
  override name = 'AppError';
  readonly code: ErrorCode;
  readonly details: ErrorDetail[];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** The HTTP status that goes with the code. */
  get httpStatus(): number {
    return errorCodes[this.code];
  }
}

/** A mistake in the settings or in what they point at. Ends the start with one line and exit code 1. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

/** The text of anything that was thrown, for logs; never for callers. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A state that the code rules out. Kills the request, never the process. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** For a sign-in that lets nobody in: alike for one that is unknown, has expired or was ended, so that who guesses learns nothing. */
export function signInEnded(): AppError {
  return new AppError('UNAUTHENTICATED', 'This sign-in has ended, or is none. Sign in again.');
}

/** The refusal of one field of an input, found out after its shape was checked. */
export function invalidField(path: string, message: string): AppError {
  return new AppError('VALIDATION_FAILED', 'The input was refused; see details.', { details: [{ path, message }] });
}

/** Answers what `work` answers; a refusal names `path`, the caller's own field, instead of what it was found by further in. */
export async function blaming<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.details.length === 0) throw error;
    const details = error.details.map(({ message }) => ({ path, message }));
    throw new AppError(error.code, error.message, { details, cause: error });
  }
}
