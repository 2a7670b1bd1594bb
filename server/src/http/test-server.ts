import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { Registry } from 'prom-client';
import { createApp } from '../app.ts';
import { type Database, openDatabase, transact, type UnitOfWork } from '../db/index.ts';
import { fillMigratedSqlite } from '../db/test-migrated.ts';
import { AuthService } from '../domains/auth/index.ts';
import { Mailer, type MailContent } from '../domains/mail/index.ts';
import { UsersService } from '../domains/users/index.ts';
import { entities } from '../entities.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { ledgerErasers } from '../ledger-erasers.ts';
import { ledgerExporters } from '../ledger-export.ts';
import { createLedgerServices } from '../ledger-services.ts';
import { createLogger } from '../kernel/logger.ts';
import { fakeStaking, fakeSync } from './test-fakes.ts';

// Test support: a server whose every layer is real (Express on a socket, SQLite, Argon2id, lucia), but for what stands behind the two ports.

type TestOptions = {
  embedded?: boolean;
  rateLimitScale?: number;
  publicUrl?: string;
  trustedProxies?: string[];
  isSecureCookie?: boolean;
  clock?: Clock;
  streamRecheckMs?: number;
  registration?: 'open' | 'verify' | 'closed';
  /** Another database than one in memory, migrated. */
  databaseUrl?: string;
};

export const PEOPLE = {
  user: { email: 'user@example.test', password: 'correct horse battery', role: 'user' },
  admin: { email: 'admin@example.test', password: 'staple mandolin sphinx', role: 'admin' },
} as const;

/** No time passes between two calls, however long they take: a limit that is used up stays so. */
export const stillClock: Clock = { ...systemClock, monotonic: () => 0 };

/** A server on a free port of 127.0.0.1. Dispose it with `await using`. */
export async function startTestServer(options: TestOptions = {}) {
  const clock = options.clock ?? systemClock;
  const database: Database = await openDatabase({
    url: options.databaseUrl ?? 'sqlite::memory:',
    entities,
  });
  if (options.databaseUrl === undefined) await fillMigratedSqlite(database);
  const sync = fakeSync();
  const staking = fakeStaking();
  const logLines: string[] = [];
  const logger = createLogger({ level: 'debug', destination: { write: (line) => void logLines.push(line) } });
  const mails: SentMail[] = [];
  const transport = { send: async (mail: SentMail) => void mails.push(mail), close: () => undefined };
  const mailer = new Mailer({ database, clock, log: logger, transport });
  const auth = new AuthService({
    database,
    clock,
    isSecureCookie: options.isSecureCookie ?? false,
    mails: mailer,
    registration: options.registration ?? 'open',
  });
  const importsFolder = await mkdtemp(join(tmpdir(), 'finverse-imports-'));
  const ledger = createLedgerServices({ database, clock, importsFolder });
  const exporters = [...auth.exporters, ...ledgerExporters(ledger)];
  const users = new UsersService({ database, clock, exporters, erasers: ledgerErasers(database.dialect) });
  mailer.start(auth.composeMails('http://finverse.test'));
  const { app, beginShutdown } = createApp({
    services: { ...ledger, auth, users, sync, staking },
    database,
    clock,
    logger,
    metrics: new Registry(),
    settings: {
      embedded: options.embedded ?? false,
      rateLimitScale: options.rateLimitScale ?? 100,
      version: '0.0.0-test',
      isSecureCookie: options.isSecureCookie ?? false,
      publicUrl: options.publicUrl,
      trustedProxies: options.trustedProxies,
      streamRecheckMs: options.streamRecheckMs,
    },
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  return {
    url,
    port,
    server,
    database,
    auth,
    users,
    mailer,
    sync,
    staking,
    logLines,
    beginShutdown,
    /** Makes the person and answers a session token. */
    async signIn(who: keyof typeof PEOPLE): Promise<string> {
      await auth.ensureUser(PEOPLE[who]);
      const { email, password } = PEOPLE[who];
      const call = { commit: unitOf(database), sessionToken: null, userAgent: null };
      return (await auth.login({ email, password }, call)).token;
    },
    /** The mails that were caused until now, the oldest first; each is told once. */
    async takeMails(): Promise<SentMail[]> {
      await mailer.deliverDue();
      return mails.splice(0);
    },
    /** The SQL that the work sends, without its values. Mails rest meanwhile. */
    async statementsOf(work: () => Promise<unknown>): Promise<string[]> {
      await mailer.stop();
      const statements: string[] = [];
      database.orm.config.set('onQuery', (sql: string) => (statements.push(sql), sql));
      await work();
      database.orm.config.set('onQuery', (sql: string) => sql);
      return statements.map((sql) => sql.replaceAll(/'[^']*'|\d+/g, '?'));
    },
    /** A REST call; a body that is not text is sent as JSON. */
    async rest(method: string, path: string, { body, token, headers = {} }: CallOptions = {}) {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? undefined : (JSON.parse(text) as RestAnswer),
      };
    },
    /** Uploads a bank file and answers its id. */
    async upload(file: string, token: string): Promise<string> {
      const headers = { 'content-type': 'text/csv', authorization: `Bearer ${token}` };
      const response = await fetch(`${url}/api/v1/imports/upload`, { method: 'POST', headers, body: file });
      return ((await response.json()) as { id: string }).id;
    },
    /** A request with any headers, also those that fetch does not let one set. Resolves when the headers are there; the body is still to be read. */
    async open(
      method: string,
      path: string,
      { body, headers = {} }: { body?: string; headers?: Record<string, string> } = {},
    ) {
      // With a DELETE, Node sends a body without saying that there is one.
      const length = method === 'DELETE' && body !== undefined ? { 'content-length': Buffer.byteLength(body) } : {};
      const all = { ...length, ...headers };
      const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers: all, agent: false });
      sent.end(body);
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      return { status: response.statusCode ?? 0, headers: response.headers, response, text: () => readText(response) };
    },
    async [Symbol.asyncDispose]() {
      beginShutdown();
      server.closeAllConnections();
      server.close();
      await mailer.stop();
      await ledger.imports.close();
      await rm(importsFolder, { recursive: true, force: true });
      await database.close();
    },
  };
}

/** A mail as the transport got it. */
export type SentMail = MailContent & { id: string; recipient: string };

function unitOf(database: Database): UnitOfWork {
  return (work) => transact(database, work);
}

type CallOptions = { body?: unknown; token?: string; headers?: Record<string, string> };

/** What the tests read of REST answers. */
export type RestAnswer = {
  error?: { code: string; message: string; request_id: string; details: { path: string; message: string }[] };
  [field: string]: unknown;
};

export type TestServer = Awaited<ReturnType<typeof startTestServer>>;
