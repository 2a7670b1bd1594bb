import { AppError } from '../kernel/errors.ts';
import { STREAMS_MAX, STREAMS_PER_CALLER_MAX } from './limits.ts';

/** The open live streams of this process. */
export interface StreamRegistry {
  /** How many are open. */
  readonly openCount: number;
  /**
   * Takes a place for one stream. It is free again when the stream was read to its end or closed, when its reader leaves (`signal`), and when the
   * server ends all streams.
   *
   * `isSignedIn` is asked for as long as the stream is open, twice a minute: a stream ends with UNAUTHENTICATED once the sign-in is over that it was opened with.
   * It must write nothing, since no request stands behind it. Where it fails nothing is known, and the stream goes on. Null for who needs no sign-in.
   *
   * @throws AppError RATE_LIMITED where the caller or the process has too many open, SHUTTING_DOWN after `endAll`.
   */
  open(reader: StreamReader): OpenStream;
  /** Ends every stream and refuses new ones. */
  endAll(): void;
}

/** For whom a stream is opened. */
export type StreamReader = {
  callerKey: string;
  signal: AbortSignal | undefined;
  isSignedIn: (() => Promise<boolean>) | null;
};

/** One place among the open streams. */
export type OpenStream = {
  /** Aborts when the stream is over, for whatever reason: what produces the events stops then. */
  readonly signal: AbortSignal;
  /**
   * The events of `source` until the stream is over. Ends with SHUTTING_DOWN where the server ended it, so that clients reconnect, with UNAUTHENTICATED where the
   * sign-in is over, and never waits for a source that is silent.
   */
  read<Item>(source: AsyncIterable<Item>): AsyncIterableIterator<Item>;
  close(): void;
};

const OVER = Symbol('over');

/** How often all open streams are asked whether their sign-in lasts. */
const RECHECK_MS = 30_000;

/** An open stream as the registry sees it. */
type Place = { end: (reason: AppError) => void; isSignedIn: StreamReader['isSignedIn'] };

/** Makes the registry. `scale` multiplies the number of streams that one caller may have; every `recheckMs` they are asked whether their sign-in lasts. */
export function createStreamRegistry(options: { scale: number; recheckMs?: number | undefined }): StreamRegistry {
  const perCallerMax = Math.max(1, Math.floor(STREAMS_PER_CALLER_MAX * options.scale));
  const openByCaller = new Map<string, number>();
  const places = new Set<Place>();
  let isEnding = false;
  let rechecks: NodeJS.Timeout | undefined;
  let isRechecking = false;

  function takePlace(callerKey: string): void {
    if (isEnding) throw shuttingDown();
    const open = openByCaller.get(callerKey) ?? 0;
    if (places.size >= STREAMS_MAX || open >= perCallerMax) {
      throw new AppError('RATE_LIMITED', 'Too many live streams are open; close one or try again later.', {
        retryAfterSeconds: 10,
      });
    }
    openByCaller.set(callerKey, open + 1);
    rechecks ??= setInterval(() => void recheck(), options.recheckMs ?? RECHECK_MS).unref();
  }

  function leavePlace(callerKey: string): void {
    if (places.size === 0) {
      clearInterval(rechecks);
      rechecks = undefined;
    }
    const left = (openByCaller.get(callerKey) ?? 1) - 1;
    if (left > 0) openByCaller.set(callerKey, left);
    else openByCaller.delete(callerKey);
  }

  /** One after the other, so that all streams together take one connection of the database. Where it is away, they are asked the next time. */
  async function recheck(): Promise<void> {
    if (isRechecking) return;
    isRechecking = true;
    try {
      for (const { isSignedIn, end } of places) if (isSignedIn && !(await isSignedIn())) end(signedOut());
    } catch {
      // Every call of the API says so as well.
    } finally {
      isRechecking = false;
    }
  }

  return {
    get openCount() {
      return places.size;
    },
    open({ callerKey, signal: readerSignal, isSignedIn }) {
      takePlace(callerKey);
      const over = new AbortController();
      const close = (reason?: AppError) => {
        if (over.signal.aborted) return;
        places.delete(place);
        readerSignal?.removeEventListener('abort', leave);
        leavePlace(callerKey);
        over.abort(reason);
      };
      const place: Place = { end: close, isSignedIn };
      const leave = () => close();
      places.add(place);
      if (readerSignal?.aborted) leave();
      else readerSignal?.addEventListener('abort', leave, { once: true });
      return { signal: over.signal, close: leave, read: (source) => readUntilOver(source, over.signal, leave) };
    },
    endAll() {
      isEnding = true;
      for (const { end } of places) end(shuttingDown());
    },
  };
}

/** No generator: the `return` of one that waits for a silent source would wait as well. */
function readUntilOver<Item>(
  source: AsyncIterable<Item>,
  over: AbortSignal,
  close: () => void,
): AsyncIterableIterator<Item> {
  const iterator = source[Symbol.asyncIterator]();
  let wake: (() => void) | undefined;
  let isReasonTold = false;
  // One callback and not Promise.race with a promise that lives as long as the stream: that one would keep a reaction for each event.
  const onOver = () => {
    wake?.();
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  };
  if (over.aborted) onOver();
  else over.addEventListener('abort', onOver, { once: true });

  const nextOrOver = () =>
    new Promise<IteratorResult<Item> | typeof OVER>((resolve, reject) => {
      wake = () => resolve(OVER);
      iterator.next().then(resolve, reject);
    });

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (!over.aborted) {
        try {
          const result = await nextOrOver();
          if (result !== OVER) {
            if (result.done) close();
            return result;
          }
        } catch (error) {
          close();
          throw error;
        }
      }
      if (over.reason instanceof AppError && !isReasonTold) {
        isReasonTold = true;
        throw over.reason;
      }
      return { done: true, value: undefined };
    },
    async return() {
      close();
      return { done: true, value: undefined };
    },
  };
}

function signedOut(): AppError {
  return new AppError('UNAUTHENTICATED', 'The sign-in that this stream was opened with is over; sign in again.');
}

function shuttingDown(): AppError {
  return new AppError('SHUTTING_DOWN', 'The server is shutting down; connect again.', { retryAfterSeconds: 1 });
}
