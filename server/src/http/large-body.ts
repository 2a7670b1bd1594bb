import type { IncomingMessage, ServerResponse } from 'node:http';
import { BoundedQueue } from '../kernel/bounded-queue.ts';
import { Turns } from '../kernel/turns.ts';
import type { Context } from '../trpc/context.ts';
import { BODY_BYTES_MAX, MIDDLE_BODY_BYTES_MAX, UNITS_WAITING_MAX } from '../trpc/limits.ts';
import { limitKey, signedIn } from '../trpc/procedures.ts';
import { limitHeldBody } from './request-timeouts.ts';

/** Bodies in memory at once, in the process: 64 MB of files and 20 MB of others, as they were sent. */
const FILES_MAX = 4;
const MIDDLE_MAX = 32;
/** Requests that wait for their place, unread. */
const WAITING_MAX = 512;

type Exchange = { request: IncomingMessage & { body?: unknown }; response: ServerResponse };

/**
 * The bodies that may be larger than the usual one. Each has a place in memory from before its first byte until its answer is handed over, whether or not the
 * client takes it: a person one at a time, and few at once in the process; who waits for one is not read meanwhile. What of a body stops coming, or comes too slowly, is not waited for.
 */
export class LargeBodies {
  readonly #files = new Places(FILES_MAX);
  readonly #middle = new Places(MIDDLE_MAX);

  /**
   * Lets a body be read that may be larger than the usual one: of a person who is signed in, so often a minute, when its place is free. Everybody else is refused
   * before a byte of it is read. A body that says it is of the usual size is nothing special.
   *
   * @returns false where the client has left meanwhile
   * @throws AppError UNAUTHENTICATED, RATE_LIMITED
   */
  async admit(exchange: Exchange, bytesMax: number, createContext: () => Promise<Context>): Promise<boolean> {
    const { request } = exchange;
    if (bytesMax <= BODY_BYTES_MAX || isOfUsualSize(request)) return true;
    const isFile = bytesMax > MIDDLE_BODY_BYTES_MAX;
    const context = await createContext();
    signedIn(context);
    context.limiter.take(isFile ? 'upload' : 'middleBody', `body of ${limitKey(context)}`);
    await (isFile ? this.#files : this.#middle).take(limitKey(context), exchange);
    if (isOver(exchange)) return false;
    limitHeldBody(request);
    return true;
  }
}

class Places {
  readonly #own = new Turns({ waitingMax: UNITS_WAITING_MAX });
  readonly #all: BoundedQueue;

  constructor(runningMax: number) {
    const busy = { message: 'Too many large requests are under way; try again later.', retryAfterSeconds: 5 };
    this.#all = new BoundedQueue({ runningMax, waitingMax: WAITING_MAX, busy });
  }

  /** Resolves when the exchange has its place, which it leaves by itself. @throws AppError RATE_LIMITED where too many wait */
  take(person: string, exchange: Exchange): Promise<void> {
    return new Promise((resolve, reject) => {
      const hold = () => (resolve(), over(exchange));
      this.#own.run(person, () => this.#all.run(hold)).catch(reject);
    });
  }
}

/** A response that waits behind another one on its connection does not hear of the connection's end. */
function isOver({ request, response }: Exchange): boolean {
  return response.closed || request.socket.destroyed;
}

/**
 * Resolves when nothing needs the body any more: its answer is handed over or waits for a client that does not read, or nobody is there. 'finish' and 'close' of a
 * response say nothing of that while the client reads neither it nor the one before it on the connection.
 */
function over(exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const { socket } = request;
  return new Promise((resolve) => {
    if (isOver(exchange)) return resolve();
    const { write, end } = response;
    const leave = () => {
      response.off('close', leave);
      socket.off('close', leave);
      Object.assign(response, { write, end });
      // The response keeps its request for as long as it is not read.
      if (request.body !== undefined) request.body = '';
      resolve();
    };
    response.once('close', leave);
    socket.once('close', leave);
    response.end = ((...parts: Parameters<typeof end>) => {
      leave();
      return end.apply(response, parts);
    }) as typeof end;
    response.write = ((...parts: Parameters<typeof write>) => {
      const isTaken = write.apply(response, parts);
      if (!isTaken) leave();
      return isTaken;
    }) as typeof write;
  });
}

/** Node reads no more of a body than its length says; without one it may be of any size. */
function isOfUsualSize({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= BODY_BYTES_MAX;
}
