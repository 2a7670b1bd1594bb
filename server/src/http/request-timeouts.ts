import type { IncomingMessage, Server } from 'node:http';

/** How long a request may take to arrive: as Node has it by itself. */
const REQUEST_MS_MAX = 300_000;
/** The same for a file of somebody who was let in, which a slow line carries for long; and how long nothing of it may come. */
const FILE_MS_MAX = 4 * 60 * 60_000;
const FILE_IDLE_MS_MAX = 60_000;
/** How long what is left of a request may come behind its answer. */
const LEFTOVER_MS_MAX = 60_000;
/** How long a client may take nothing of an answer that is there for it. */
const STALLED_MS_MAX = 60_000;
/** How long a body may take that is held in memory meanwhile, of which there are few at a time; and how long nothing of it may come. */
const HELD_MS_MAX = 120_000;
const HELD_IDLE_MS_MAX = 10_000;

const timers = new WeakMap<IncomingMessage, NodeJS.Timeout>();

/**
 * Ends connections whose request does not arrive within five minutes, unless {@link allowLongBody} gives it longer (Node itself has one time for all of them), and
 * those that take nothing of their answer for a minute. An answer that is still worked on has its time.
 */
export function limitRequests(
  server: Server,
  { requestMs = REQUEST_MS_MAX, leftoverMs = LEFTOVER_MS_MAX, stalledMs = STALLED_MS_MAX } = {},
): void {
  server.requestTimeout = FILE_MS_MAX;
  server.prependListener('request', (request, response) => {
    const { socket } = request;
    response.setTimeout(stalledMs, () => {
      if (response.writableLength > 0) socket.destroy();
    });
    endLate(request, requestMs);
    response.once('close', () => {
      clearTimeout(timers.get(request));
      // Answered before it was there, as what is refused by its headers is: what still comes of it is read past, but not for hours.
      if (!request.complete) endLate(request, leftoverMs);
    });
  });
}

/** Lets a request go on for as long as something of it comes, up to four hours. */
export function allowLongBody(request: IncomingMessage, idleMs = FILE_IDLE_MS_MAX): void {
  clearTimeout(timers.get(request));
  endIdleBody(request, idleMs);
}

/** Gives a request two minutes from now on, as long as something of it comes every ten seconds: others wait for its place in memory. */
export function limitHeldBody(
  request: IncomingMessage,
  { heldMs = HELD_MS_MAX, idleMs = HELD_IDLE_MS_MAX } = {},
): void {
  endLate(request, heldMs);
  endIdleBody(request, idleMs);
}

/** Ends the connection where a request is not there after so long. The last such time counts. */
function endLate(request: IncomingMessage, latestMs: number): void {
  const end = () => {
    if (!request.complete) request.socket.destroy();
  };
  clearTimeout(timers.get(request));
  timers.set(request, setTimeout(end, latestMs).unref());
}

/** Ends the connection where nothing of a request comes for so long. What has come to its end answers when it likes. */
function endIdleBody(request: IncomingMessage, idleMs: number): void {
  if (request.complete) return;
  request.setTimeout(idleMs, () => request.socket.destroy());
  // A connection has one such time: from now on it is that of its answer.
  request.once('end', () => request.setTimeout(STALLED_MS_MAX));
}
