import type { IncomingMessage, Server } from 'node:http';

/** How long a request may take to arrive: as Node has it by itself. */
const REQUEST_MS_MAX = 300_000;
/** The same for a file of somebody who was let in, which a slow line carries for long; and how long nothing of it may come. */
const FILE_MS_MAX = 4 * 60 * 60_000;
const FILE_IDLE_MS_MAX = 60_000;
/** How long what is left of a request may come behind its answer. */
const LEFTOVER_MS_MAX = 60_000;
/** How long nothing may come of a body that is held in memory meanwhile. */
const HELD_IDLE_MS_MAX = 10_000;

const timers = new WeakMap<IncomingMessage, NodeJS.Timeout>();

/** Ends connections whose request does not arrive within five minutes, unless {@link allowLongBody} gives it longer. Node itself has one time for all of them. */
export function limitRequests(server: Server, requestMs = REQUEST_MS_MAX, leftoverMs = LEFTOVER_MS_MAX): void {
  server.requestTimeout = FILE_MS_MAX;
  server.prependListener('request', (request, response) => {
    const { socket } = request;
    const end = () => {
      if (!request.complete) socket.destroy();
    };
    timers.set(request, setTimeout(end, requestMs).unref());
    response.once('close', () => {
      clearTimeout(timers.get(request));
      // Answered before it was there, as what is refused by its headers is: what still comes of it is read past, but not for hours.
      if (!request.complete) setTimeout(end, leftoverMs).unref();
    });
  });
}

/** Lets a request go on for as long as something of it comes, up to four hours. */
export function allowLongBody(request: IncomingMessage, idleMs = FILE_IDLE_MS_MAX): void {
  clearTimeout(timers.get(request));
  endIdleBody(request, idleMs);
}

/** Ends the connection where nothing of a request comes for so long. What has come to its end answers when it likes. */
export function endIdleBody(request: IncomingMessage, idleMs = HELD_IDLE_MS_MAX): void {
  if (request.complete) return;
  request.setTimeout(idleMs, () => request.socket.destroy());
  // Node asks the request no more once it is there, and ends the connection by itself.
  request.once('end', () => request.setTimeout(0));
}
