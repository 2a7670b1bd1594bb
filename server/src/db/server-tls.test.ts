import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasMariaDb, type MariaDb, startMariaDb } from '../../../e2e/support/mariadb.ts';
import { entities } from '../entities.ts';
import { SettingsError } from '../kernel/errors.ts';
import { openDatabase } from './orm.ts';
import { serverTls } from './server-tls.ts';

const tlsOf = (query: string, host = 'db.example') => serverTls(new URL(`mariadb://u:p@${host}:3306/finverse${query}`));

test.each([
  ['', null],
  ['?ssl-mode=DISABLED', null],
  ['?sslmode=disable', null],
  ['?sslmode=require', { rejectUnauthorized: false, verifyIdentity: false }],
  ['?ssl-mode=VERIFY_CA', { rejectUnauthorized: true, verifyIdentity: false }],
  ['?sslmode=verify-full', { rejectUnauthorized: true, verifyIdentity: true }],
  ['?ssl-mode=VERIFY_IDENTITY', { rejectUnauthorized: true, verifyIdentity: true }],
  ['?ssl=false', null],
  ['?charset=utf8mb4', null],
  ['?charset=UTF8MB4&timezone=Z', null],
  ['?timezone=utc', null],
  ['?timezone=+00:00&ssl=true', { rejectUnauthorized: true, verifyIdentity: true }],
  ['?timezone=%2B00:00', null],
  ['?ssl=true', { rejectUnauthorized: true, verifyIdentity: true }],
  ['?ssl={}', { rejectUnauthorized: true, verifyIdentity: false }],
  ['?ssl={"rejectUnauthorized":true}', { rejectUnauthorized: true, verifyIdentity: false }],
  ['?ssl=%7B%22rejectUnauthorized%22%3Afalse%7D', { rejectUnauthorized: false, verifyIdentity: false }],
])('%s is understood', (query, tls) => {
  expect(tlsOf(query)).toEqual(tls);
});

test.each([
  ['?charset=utf8', /^DATABASE_URL: charset can only be utf8mb4/],
  ['?timezone=Europe/Berlin', /^DATABASE_URL: timezone can only be Z or UTC or \+00:00/],
  ['?timezone=', /^DATABASE_URL: timezone can only be Z/],
  ['?ssl=false&ssl-ca=/ca.pem', /^DATABASE_URL: ssl-ca says nothing/],
  ['?ssl=false&ssl-mode=REQUIRED', /^DATABASE_URL: ssl and ssl-mode/],
  ['?ssl-mode=REQUIRED&connectTimeout=1', /^DATABASE_URL: unknown parameter "connectTimeout"/],
  ['?sslmode=prefer', /^DATABASE_URL: ssl-mode must be DISABLED, REQUIRED/],
  ['?ssl=Amazon', /^DATABASE_URL: ssl must be true or false, or JSON/],
  ['?ssl={"rejectUnauthorised":true}', /^DATABASE_URL: ssl must be true or false, or JSON/],
  ['?ssl={"rejectUnauthorized":"no"}', /^DATABASE_URL: ssl must be true or false, or JSON/],
  ['?ssl={"rejectUnauthorized":false,"verifyIdentity":true}', /^DATABASE_URL: ssl must be true or false, or JSON/],
  ['?ssl=true&ssl-mode=REQUIRED', /^DATABASE_URL: ssl and ssl-mode/],
  ['?sslmode=disable&ssl-mode=REQUIRED', /^DATABASE_URL: ssl-mode is said twice/],
  ['?ssl-mode=DISABLED&ssl-ca=/ca.pem', /^DATABASE_URL: ssl-ca says nothing/],
  ['?ssl-ca=/dev/null', /^DATABASE_URL: ssl-ca: \/dev\/null has no certificate in PEM/],
  ['?ssl-ca=/nowhere/ca.pem', /^DATABASE_URL: ssl-ca cannot be read/],
])('%s is refused by name', (query, fault) => {
  expect(() => tlsOf(query)).toThrow(SettingsError);
  expect(() => tlsOf(query)).toThrow(fault);
});

test('the identity of a server is not verified by an address, which the driver cannot', () => {
  for (const host of ['192.0.2.1', '[2001:db8::1]'])
    expect(() => tlsOf('?ssl-mode=VERIFY_IDENTITY', host)).toThrow(/^DATABASE_URL: the identity of a server/);
});

describe.skipIf(!hasMariaDb())('a server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'finverse-tls-'));
  const certificate = join(folder, 'server.pem');
  const key = join(folder, 'server.key');
  const servers: MariaDb[] = [];
  let [encrypted, plain] = ['', ''];

  beforeAll(async () => {
    const subject = '-subj /CN=localhost -addext subjectAltName=DNS:localhost';
    const request = `req -x509 -newkey rsa:2048 -nodes -days 2 ${subject}`.split(' ');
    await promisify(execFile)('openssl', [...request, '-keyout', key, '-out', certificate]);
    servers.push(await startMariaDb([`--ssl-cert=${certificate}`, `--ssl-key=${key}`]), await startMariaDb());
    [encrypted = '', plain = ''] = await Promise.all(servers.map((server) => server.createDatabase()));
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  /** The cipher of a connection, empty where it is in clear; or why there is none. */
  const cipherOf = async (url: string): Promise<string> => {
    const database = await openDatabase({ url, entities }).catch((error: unknown) => error as SettingsError);
    if (database instanceof Error) return database.message;
    try {
      const [row] = await database.em().execute<{ Value: string }[]>(`show session status like 'Ssl_cipher'`);
      return row?.Value ?? 'unknown';
    } finally {
      await database.close();
    }
  };

  test.each(['mariadb', 'mysql'])(
    'whose certificate nobody signed is refused, and taken where it is trusted: %s',
    async (scheme) => {
      const url = encrypted.replace('mariadb:', `${scheme}:`);
      const named = url.replace('127.0.0.1', 'localhost');
      expect(await cipherOf(`${url}?ssl={"rejectUnauthorized":true}`)).toMatch(/^DATABASE_URL: .*no TLS .*self.signed/);
      expect(await cipherOf(`${named}?ssl=true`)).toMatch(/^DATABASE_URL: .*no TLS .*self.signed/);
      expect(await cipherOf(`${url}?ssl-mode=VERIFY_CA&ssl-ca=${certificate}`)).toMatch(/^TLS_|GCM|CHACHA/);
      expect(await cipherOf(`${named}?ssl-ca=${certificate}`)).toMatch(/^TLS_|GCM|CHACHA/);
      expect(await cipherOf(`${url}?sslmode=require`)).toMatch(/^TLS_|GCM|CHACHA/);
      expect(await cipherOf(url)).toBe('');
    },
  );

  test.each(['mariadb', 'mysql'])('without TLS is refused where it is asked for: %s', async (scheme) => {
    const url = plain.replace('mariadb:', `${scheme}:`);
    expect(await cipherOf(`${url}?sslmode=require`)).toMatch(/^DATABASE_URL: .*the server has no TLS/);
    expect(await cipherOf(url)).toBe('');
  });
});
