import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';

/** A proxy that hears every answer to its end and passes none on: what its client asked for was committed, and nobody was told. */
export type DeafProxy = {
  url: string;
  /** Status and body of the answer that was kept last. */
  kept(): { status: number; body: string };
  close(): Promise<void>;
};

export async function startDeafProxy(upstreamUrl: string): Promise<DeafProxy> {
  let kept: { status: number; body: string } | undefined;
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await buffer(incoming);
      const { method, headers, url } = incoming;
      const forwarded = httpRequest(`${upstreamUrl}${url ?? ''}`, { method, headers, agent: false });
      const answered = once(forwarded, 'response') as Promise<[IncomingMessage]>;
      forwarded.end(body);
      const [response] = await answered;
      kept = { status: response.statusCode ?? 0, body: await text(response) };
      outgoing.destroy();
    })().catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    kept: () => {
      if (!kept) throw new Error('no answer was heard yet');
      return kept;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
