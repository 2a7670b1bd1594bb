import type { Hex } from './rpc.ts';

/** Calls `onHead` for every `newHeads` notification of a WebSocket of its own, as early as this process can know. Resolves when subscribed. */
export async function watchHeads(
  wsUrl: string,
  onHead: (head: { hash: Hex; number: Hex }) => void,
): Promise<() => void> {
  const socket = new WebSocket(wsUrl);
  const subscribed = Promise.withResolvers<void>();
  socket.addEventListener('open', () =>
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] })),
  );
  socket.addEventListener('error', () => subscribed.reject(new Error('the WebSocket of the chain failed')));
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as { id?: number; params?: { result: { hash: Hex; number: Hex } } };
    if (message.id === 1) subscribed.resolve();
    else if (message.params) onHead(message.params.result);
  });
  await subscribed.promise;
  return () => socket.close();
}
