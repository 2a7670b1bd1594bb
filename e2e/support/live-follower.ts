import { setTimeout as delay } from 'node:timers/promises';
import { openRequest } from './http-client.ts';

const RECONNECT_MS = 20;

/** An event of `/sync/live` as REST sends it. */
export type LiveEvent = {
  id: string;
  data: {
    type: 'fact' | 'backfilled' | 'reorganized' | 'corrected' | 'resync';
    fact?: { block_hash: string; log_index: number; status: 'applied' | 'orphaned' };
    position?: { owner_address: string; position_key: string } | null;
    facts_orphaned?: number;
  };
};

export type LiveFollower = {
  /** Everything that was heard, in order. */
  events: readonly LiveEvent[];
  stop(): Promise<void>;
};

/**
 * Follows `/sync/live` from the very first event on, and reconnects with its Last-Event-ID whenever the connection ends, as a browser's EventSource does.
 * An event counts once its blank line has arrived.
 */
export function followLive(url: string, token: () => string | null): LiveFollower {
  const events: LiveEvent[] = [];
  const abort = new AbortController();
  const { signal } = abort;
  const follow = async () => {
    while (!signal.aborted) {
      await readStream({ url, token: token(), lastId: events.at(-1)?.id ?? '0', signal }, (event) =>
        events.push(event),
      ).catch(() => undefined);
      await delay(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  const done = follow();
  return {
    events,
    stop: async () => {
      abort.abort();
      await done;
    },
  };
}

type Stream = { url: string; token: string | null; lastId: string; signal: AbortSignal };

async function readStream({ url, token, lastId, signal }: Stream, hear: (event: LiveEvent) => void): Promise<void> {
  const response = await openRequest({
    url: `${url}/api/v1/sync/live`,
    token,
    signal,
    headers: { accept: 'text/event-stream', 'last-event-id': lastId },
  });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`the live feed answered ${response.statusCode}`);
  }
  let pending = '';
  for await (const chunk of response.setEncoding('utf8')) {
    const blocks = (pending + (chunk as string)).split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) =>
        block
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2);
      const [id, data] = [field('id'), field('data')];
      if (id !== undefined && data !== undefined) hear({ id, data: JSON.parse(data) as LiveEvent['data'] });
    }
  }
}
