import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { transact } from '../../db/index.ts';
import type { Database } from '../../db/orm.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { createLogger } from '../../kernel/logger.ts';
import { Mailer } from './mailer.ts';
import { folderTransport, type MailTransport, smtpTransport } from './transports.ts';

const MINUTE_MS = 60 * 1000;
const NOW = 1_700_000_000_000;

/** A mail server on a port of its own that keeps what it takes, and refuses as it is told. */
async function startMailServer(user?: string) {
  const received: { from: string; to: string[]; raw: string }[] = [];
  /** The codes to refuse the next ones with, at each step of a delivery. */
  const refused = {
    connect: [] as number[],
    auth: [] as number[],
    from: [] as number[],
    to: [] as number[],
    data: [] as number[],
  };
  const refusal = (responseCode: number | undefined) =>
    responseCode === undefined ? null : Object.assign(new Error('no, victim@example.test'), { responseCode });
  const server = new SMTPServer({
    authOptional: user === undefined,
    disabledCommands: user === undefined ? ['STARTTLS', 'AUTH'] : ['STARTTLS'],
    allowInsecureAuth: true,
    onConnect(_session, callback) {
      callback(refusal(refused.connect.shift()));
    },
    onAuth(_auth, _session, callback) {
      const fault = refusal(refused.auth.shift());
      if (fault) callback(fault);
      else callback(null, { user });
    },
    onMailFrom(_address, _session, callback) {
      callback(refusal(refused.from.shift()));
    },
    onRcptTo(_address, _session, callback) {
      callback(refusal(refused.to.shift()));
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.once('end', () => {
        const fault = refusal(refused.data.shift());
        if (fault) return callback(fault);
        const { mailFrom, rcptTo } = session.envelope;
        const raw = Buffer.concat(chunks).toString();
        received.push({ from: mailFrom ? mailFrom.address : '', to: rcptTo.map(({ address }) => address), raw });
        callback();
      });
    },
  });
  const socket = server.listen(0, '127.0.0.1');
  if (!socket.listening) await once(socket, 'listening');
  const { port } = socket.address() as AddressInfo;
  return {
    received,
    refused,
    transport: smtpTransport({
      url: `smtp://${user === undefined ? '' : `${user}:pw@`}127.0.0.1:${port}`,
      from: 'FinVerse <no-reply@finverse.example>',
    }),
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

const CONTENT = { subject: 'FinVerse: Grüße', text: 'See https://finverse.example/x#code=1\n', link: null };

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let mailServer: Awaited<ReturnType<typeof startMailServer>>;
  let nowMs = NOW;
  const logLines: string[] = [];
  const log = createLogger({ level: 'debug', destination: { write: (line) => void logLines.push(line) } });
  const mailers: Mailer[] = [];

  beforeEach(async () => {
    nowMs = NOW;
    logLines.length = 0;
    database = await databases.openMigrated();
    mailServer = await startMailServer();
  });
  afterEach(async () => {
    for (const mailer of mailers.splice(0)) await mailer.stop();
    await mailServer.stop();
  });

  function makeMailer(transport: MailTransport = mailServer.transport, options: { stopMsMax?: number } = {}): Mailer {
    const clock = { now: () => nowMs, monotonic: () => nowMs };
    const mailer = new Mailer({ database, clock, log, transport, ...options });
    mailer.start(async ({ kind }) => (kind === 'nothing' ? null : CONTENT));
    mailers.push(mailer);
    return mailer;
  }
  const leave = (mailer: Mailer, changes: object = {}) =>
    transact(database, (em) =>
      mailer.enqueue(em, { kind: 'greeting', recipient: 'a@example.test', reference: null, ...changes }),
    );
  const rows = () => database.em().execute<Record<string, unknown>[]>('select * from mails');

  test('a mail is taken by a real SMTP server, once', async () => {
    const mailer = makeMailer();
    await leave(mailer);
    await Promise.all([mailer.deliverDue(), mailer.deliverDue()]);
    expect(mailServer.received).toMatchObject([{ from: 'no-reply@finverse.example', to: ['a@example.test'] }]);
    const raw = mailServer.received[0]?.raw;
    expect(raw).toContain('Subject: =?UTF-8?Q?FinVerse=3A_Gr=C3=BC=C3=9Fe?=');
    expect(raw).toContain('From: FinVerse <no-reply@finverse.example>');
    expect(await rows()).toMatchObject([{ due_at: null, attempts: 1, last_error: null }]);
  });

  test('a mail of a transaction that is rolled back is never sent', async () => {
    const mailer = makeMailer();
    const failed = transact(database, async (em) => {
      await mailer.enqueue(em, { kind: 'greeting', recipient: 'a@example.test', reference: null });
      throw new Error('rolled back');
    });
    await expect(failed).rejects.toThrow('rolled back');
    await mailer.deliverDue();
    expect(mailServer.received).toEqual([]);
  });

  test('a mail that is left is sent without anybody waiting for it', async () => {
    const taken = Promise.withResolvers<string>();
    const mailer = makeMailer({ send: async ({ recipient }) => taken.resolve(recipient), close: () => undefined });
    await leave(mailer);
    mailer.wake();
    expect(await taken.promise).toBe('a@example.test');
  });

  test('the end does not wait for a mail server that has fallen silent; its mail stays due', async () => {
    const asked = Promise.withResolvers<void>();
    const silence = Promise.withResolvers<void>();
    let isClosed = false;
    const mailer = makeMailer(
      { send: () => (asked.resolve(), silence.promise), close: () => void (isClosed = true) },
      { stopMsMax: 1 },
    );
    await leave(mailer);
    const delivered = mailer.deliverDue();
    await asked.promise;
    await mailer.stop();
    expect(isClosed).toBe(true);
    expect(logLines.join()).toContain('the mail server does not answer');
    silence.reject(new Error('timeout'));
    await delivered;
    expect(await rows()).toMatchObject([{ due_at: expect.anything() as unknown, attempts: 1, last_error: null }]);
  });

  test('a mail that is for nobody is over without being sent', async () => {
    const mailer = makeMailer();
    await leave(mailer, { kind: 'nothing' });
    await mailer.deliverDue();
    expect(mailServer.received).toEqual([]);
    expect(await rows()).toMatchObject([{ due_at: null }]);
  });

  test('a refusal for now is tried again, later each time; the log names no address', async () => {
    const mailer = makeMailer();
    mailServer.refused.to.push(451, 451);
    await leave(mailer);
    await mailer.deliverDue();
    await mailer.deliverDue();
    expect(await rows()).toMatchObject([{ due_at: NOW + MINUTE_MS / 2, attempts: 1 }]);
    nowMs += MINUTE_MS / 2;
    await mailer.deliverDue();
    expect(await rows()).toMatchObject([{ due_at: nowMs + MINUTE_MS, attempts: 2 }]);
    nowMs += MINUTE_MS;
    await mailer.deliverDue();
    expect(mailServer.received).toHaveLength(1);
    expect(logLines.join('')).toContain('451');
    expect(logLines.join('')).not.toContain('@example.test');
  });

  test.each(['to', 'data'] as const)(
    'a refusal of the mail itself, for good, is not tried again (%s)',
    async (step) => {
      const mailer = makeMailer();
      mailServer.refused[step].push(550);
      await leave(mailer);
      await mailer.deliverDue();
      expect(await rows()).toMatchObject([{ due_at: null, last_error: expect.stringContaining('550') as string }]);
    },
  );

  test.each([
    ['the password', 'auth', 535],
    ['the connection', 'connect', 554],
    ['the sender', 'from', 550],
    ['a recipient for want of a login', 'to', 530],
  ] as const)('a server that refuses %s loses no mail: it is sent once that is mended', async (_name, step, code) => {
    const strict = await startMailServer('finverse');
    const mailer = makeMailer(strict.transport);
    strict.refused[step].push(code, code);
    await leave(mailer);
    for (const attempts of [1, 2]) {
      await mailer.deliverDue();
      const [row] = await rows();
      expect(row).toMatchObject({ attempts, last_error: expect.stringContaining(String(code)) as string });
      nowMs = Number(row?.['due_at']);
    }
    await mailer.deliverDue();
    expect(strict.received).toHaveLength(1);
    expect(await rows()).toMatchObject([{ due_at: null, attempts: 3, last_error: null }]);
    await strict.stop();
  });

  test('a server that is away loses nothing, and after fifteen tries the mail is given up', async () => {
    const away = smtpTransport({ url: 'smtp://127.0.0.1:9', from: 'no-reply@finverse.example' });
    const mailer = makeMailer(away);
    await leave(mailer);
    for (let attempt = 1; attempt < 15; attempt += 1) {
      await mailer.deliverDue();
      const [row] = await rows();
      expect(Number(row?.['due_at'])).toBeGreaterThan(nowMs);
      nowMs = Number(row?.['due_at']);
    }
    await mailer.deliverDue();
    expect(await rows()).toMatchObject([{ due_at: null, attempts: 15 }]);
  });

  test('two replicas send each mail once', async () => {
    const sent: string[] = [];
    const transport = { send: async ({ id }: { id: string }) => void sent.push(id), close: () => undefined };
    const [first, second] = [makeMailer(transport), makeMailer(transport)];
    for (let index = 0; index < 30; index += 1) await leave(first, { recipient: `p${index}@example.test` });
    await Promise.all([first.deliverDue(), second.deliverDue()]);
    expect(new Set(sent).size).toBe(30);
    expect(sent).toHaveLength(30);
  });

  test('a mail that a replica died over is sent by another when its claim is over', async () => {
    const hangs = Promise.withResolvers<void>();
    const isSending = Promise.withResolvers<void>();
    const dead = makeMailer({
      send: () => (isSending.resolve(), hangs.promise),
      close: () => undefined,
    });
    await leave(dead);
    const dying = dead.deliverDue();
    await isSending.promise;
    const other = makeMailer();
    await other.deliverDue();
    expect(mailServer.received).toHaveLength(0);
    nowMs += 2 * MINUTE_MS;
    await other.deliverDue();
    expect(mailServer.received).toHaveLength(1);
    hangs.resolve();
    await dying;
  });
});

describe('a folder of mails', () => {
  test('is closed to others, holds each mail as text, and its subject and link are told', async () => {
    const root = mkdtempSync(join(tmpdir(), 'finverse-test-'));
    const [folder, told] = [join(root, 'mail'), [] as string[]];
    const transport = folderTransport({ folder, announce: (line) => told.push(line) });
    await transport.send({
      id: 'mal_1',
      recipient: 'a@example.test',
      subject: 'Hello',
      text: 'Text.\n',
      link: 'http://x/#code=1',
    });
    expect(told).toEqual(['mail to a@example.test: Hello http://x/#code=1']);
    expect(readdirSync(folder)).toEqual(['mal_1.txt']);
    expect(readFileSync(join(folder, 'mal_1.txt'), 'utf8')).toBe('To: a@example.test\nSubject: Hello\n\nText.\n');
    expect([statSync(folder).mode & 0o777, statSync(join(folder, 'mal_1.txt')).mode & 0o777]).toEqual([0o700, 0o600]);
    rmSync(root, { recursive: true });
  });
});
