import type { BlockHeader } from '../types.ts';
import type { ChainIdentity } from './chain-identity.ts';
import { parseHeader } from './rpc-schemas.ts';

const SUBSCRIBE_ID = 1;
const CHAIN_ID_ID = 2;
const OPEN_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 15_000;
const MESSAGE_CHARS_MAX = 1_000_000;

type HeadSocketOptions = {
  url: string;
  identity: ChainIdentity;
  onSubscribed: () => void;
  onHead: (header: BlockHeader) => void;
  /** Ends the connection from outside. */
  signal: AbortSignal;
};

/**
 * Holds one WebSocket connection that is subscribed to `newHeads` (JSON-RPC `eth_subscribe`) until it ends for whatever reason; rejects with that reason.
 * It never reconnects by itself: its caller decides. The chain's id is asked for before the subscription, and again to keep the connection alive: no answer
 * counts as an end, and so does that of another chain, which is a ForeignChainError.
 */
export function holdHeadSocket({ url, identity, onSubscribed, onHead, signal }: HeadSocketOptions): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const socket = new WebSocket(url);
    let isAnswered = false;
    let isSubscribing = false;
    const end = (reason: unknown) => {
      clearInterval(keepAlive);
      clearTimeout(opening);
      signal.removeEventListener('abort', onAbort);
      socket.close();
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    const onAbort = () => end(signal.reason);
    const opening = setTimeout(() => end('the subscription was not answered in time'), OPEN_TIMEOUT_MS);
    const keepAlive = setInterval(() => {
      if (!isAnswered) return end('the keep-alive was not answered');
      isAnswered = false;
      send(CHAIN_ID_ID, 'eth_chainId', []);
    }, KEEP_ALIVE_MS);
    const send = (id: number, method: string, params: unknown[]) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    };
    const hear = (text: unknown) => {
      if (typeof text !== 'string' || text.length > MESSAGE_CHARS_MAX)
        throw new Error('a message that is no text or too long');
      const message = JSON.parse(text) as {
        id?: unknown;
        method?: unknown;
        result?: unknown;
        error?: unknown;
        params?: { result?: unknown };
      };
      isAnswered = true;
      if (message.method === 'eth_subscription') return onHead(parseHeader(message.params?.result));
      if (message.id === CHAIN_ID_ID) {
        identity.judge(url, message.result);
        if (!isSubscribing) send(SUBSCRIBE_ID, 'eth_subscribe', ['newHeads']);
        isSubscribing = true;
      }
      if (message.id !== SUBSCRIBE_ID) return;
      if (typeof message.result !== 'string') throw new Error('the node refuses subscriptions');
      clearTimeout(opening);
      onSubscribed();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.addEventListener('open', () => send(CHAIN_ID_ID, 'eth_chainId', []));
    socket.addEventListener('close', () => end('the connection was closed'));
    socket.addEventListener('error', () => end('the connection failed'));
    socket.addEventListener('message', ({ data }) => {
      try {
        hear(data);
      } catch (error) {
        end(error);
      }
    });
  });
}
