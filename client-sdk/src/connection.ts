import type { RequestHeaders } from './headers.ts';

/** How a client reaches its server, for what goes past the procedures. */
export type Connection = { url: string; headers: RequestHeaders; fetch: typeof globalThis.fetch };

/** A client has procedures alone for members, so what it connects by is kept beside it. */
const connections = new WeakMap<object, Connection>();

export function keepConnection<Client extends object>(client: Client, connection: Connection): Client {
  connections.set(client, connection);
  return client;
}

/** @throws TypeError for what `createFinverseClient` did not make */
export function connectionOf(client: object): Connection {
  const connection = connections.get(client);
  if (!connection) throw new TypeError('the client must be one that createFinverseClient of this package has made');
  return connection;
}
