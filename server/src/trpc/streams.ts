import { AppError } from '../kernel/errors.ts';
import { STREAMS_MAX, STREAMS_PER_CALLER_MAX } from './limits.ts';

/** The open live streams of this process. */
export interface StreamRegistry {
  /** How many are open. */
  readonly openCount: number;
  /**
   * Takes a place for one stream. It is free again when the stream was read to its end or closed, when its reader leaves (`readerSignal`), and when the
   * server ends all streams.
   *
   * @throws AppError RATE_LIMITED where the caller or the process has too many open, SHUTTING_DOWN after `endAll`.
   */
  open(callerKey: string, readerSignal: AbortSignal | undefined): OpenStream;
  /** Ends every stream and refuses new ones. */
  endAll(): void;
}

/** One place among the open streams. */
export type OpenStream = {
  /** Aborts when the stream is over, for whatever reason: what produces the events stops then. */
  readonly signal: AbortSignal;
  /**
   * The events of `source` until the stream is over. Ends with SHUTTING_DOWN where the server ended it, so that clients reconnect, and never waits for a
   * source that is silent.
   */
  read<Item>(source: AsyncIterable<Item>): AsyncIterableIterator<Item>;
  close(): void;
};

const OVER = Symbol('over');

/** Makes the registry. `scale` multiplies the number of streams that one caller may have. */
export function createStreamRegistry(options: { scale: number }): StreamRegistry {
  const perCallerMax = Math.max(1, Math.floor(STREAMS_PER_CALLER_MAX * options.scale));
  const openByCaller = new Map<string, number>();
  const ends = new Set<() => void>();
  let isEnding = false;

  function takePlace(callerKey: string): void {
    if (isEnding) throw shuttingDown();
    const open = openByCaller.get(callerKey) ?? 0;
    if (ends.size >= STREAMS_MAX || open >= perCallerMax) {
      throw new AppError('RATE_LIMITED', 'Too many live streams are open; close one or try again later.', {
        retryAfterSeconds: 10,
      });
    }
    openByCaller.set(callerKey, open + 1);
  }

  function leavePlace(callerKey: string): void {
    const left = (openByCaller.get(callerKey) ?? 1) - 1;
    if (left > 0) openByCaller.set(callerKey, left);
    else openByCaller.delete(callerKey);
  }

  return {
    get openCount() {
      return ends.size;
    },
    open(callerKey, readerSignal) {
      takePlace(callerKey);
      const over = new AbortController();
      const close = (reason?: AppError) => {
        if (over.signal.aborted) return;
        ends.delete(end);
        readerSignal?.removeEventListener('abort', leave);
        leavePlace(callerKey);
        over.abort(reason);
      };
      const end = () => close(shuttingDown());
      const leave = () => close();
      ends.add(end);
      if (readerSignal?.aborted) leave();
      else readerSignal?.addEventListener('abort', leave, { once: true });
      return { signal: over.signal, close: leave, read: (source) => readUntilOver(source, over.signal, leave) };
    },
    endAll() {
      isEnding = true;
      for (const end of ends) end();
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

function shuttingDown(): AppError {
  return new AppError('SHUTTING_DOWN', 'The server is shutting down; connect again.', { retryAfterSeconds: 1 });
}
