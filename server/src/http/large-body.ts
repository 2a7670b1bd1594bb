import type { IncomingMessage } from 'node:http';
import type { Context } from '../trpc/context.ts';
import { BODY_BYTES_MAX, MIDDLE_BODY_BYTES_MAX } from '../trpc/limits.ts';
import { limitKey, signedIn } from '../trpc/procedures.ts';

/**
 * Lets a body be read that may be larger than the usual one: of a person who is signed in, so often a minute. Everybody else is refused before a byte of it is.
 * Where no file is taken, a body that says it is of the usual size is nothing special.
 *
 * @throws AppError UNAUTHENTICATED, RATE_LIMITED
 */
export async function admitBody(
  request: IncomingMessage,
  bytesMax: number,
  createContext: () => Promise<Context>,
): Promise<void> {
  const isFile = bytesMax > MIDDLE_BODY_BYTES_MAX;
  if (bytesMax <= BODY_BYTES_MAX || (!isFile && isOfUsualSize(request))) return;
  const context = await createContext();
  signedIn(context);
  context.limiter.take(isFile ? 'upload' : 'middleBody', `body of ${limitKey(context)}`);
}

/** Node reads no more of a body than its length says; without one it may be of any size. */
function isOfUsualSize({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= BODY_BYTES_MAX;
}
