import { ContractFunctionExecutionError, HttpRequestError, parseAbi } from 'viem';
import { describe, expect, test } from 'vitest';
import { createLogger, redactUrl, redactUrls } from '../../kernel/logger.ts';

const KEY = 'SECRETKEY0123456789abcdef';
const URL_WITH_KEY = `https://rpc.example.org/v2/${KEY}`;

/** The only line that the act logs, as text and as read back. */
function logged(act: (log: ReturnType<typeof createLogger>) => void) {
  const lines: string[] = [];
  act(createLogger({ level: 'debug', destination: { write: (line) => void lines.push(line) } }));
  expect(lines).toHaveLength(1);
  const text = lines.join('');
  return { text, line: JSON.parse(text) as { msg: string; err: Record<string, unknown> } };
}

const httpError = () =>
  new HttpRequestError({
    url: URL_WITH_KEY,
    status: 403,
    body: { method: 'eth_getLogs', params: ['a parameter of the request'] },
    details: `<html>"/v2/${KEY}" is forbidden</html>`,
  });

test('what follows a URL in a sentence stays', () => {
  expect(redactUrls('at mariadb://root:hunter2@127.0.0.1:3306: no answer (http://a.example/v2/key).')).toBe(
    'at mariadb://127.0.0.1:3306: no answer (http://a.example).',
  );
});

describe('an error of viem', () => {
  test('is logged without the key of its URL and without its request', () => {
    const { text, line } = logged((log) => log.warn({ err: httpError() }, 'no answer'));
    expect(text).not.toContain(KEY);
    expect(text).not.toContain('a parameter of the request');
    expect(line).toMatchObject({ msg: 'no answer', err: { type: 'HttpRequestError', status: 403 } });
    expect(line.err['url']).toBe('https://rpc.example.org');
    expect(line.err['message']).toContain('URL: https://rpc.example.org\n');
    expect(line.err['stack']).toContain('redaction.test.ts');
    expect(line.err).not.toHaveProperty('body');
  });

  test.each<[string, () => Error]>([
    ['as a cause', () => new Error('outer', { cause: new Error('middle', { cause: httpError() }) })],
    [
      'under a contract call',
      () => {
        const abi = parseAbi(['function total() view returns (uint256)']);
        return new ContractFunctionExecutionError(httpError(), { abi, functionName: 'total' });
      },
    ],
    ['among several', () => new AggregateError([httpError(), httpError()], 'all failed')],
    ['in a field', () => Object.assign(new Error('outer'), { attempts: [{ error: { at: new URL(URL_WITH_KEY) } }] })],
  ])('%s as well', (_, make) => {
    const { text } = logged((log) => log.error({ err: make() }, 'no answer'));
    expect(text).not.toContain(KEY);
    expect(text).not.toContain('a parameter of the request');
    expect(text).toContain('https://rpc.example.org');
  });

  test('as well where pino makes its message the message of the line, or a text holds it', () => {
    for (const act of [
      (log: ReturnType<typeof createLogger>) => log.error(httpError()),
      (log: ReturnType<typeof createLogger>) => log.error({ err: new Error(`at ${URL_WITH_KEY}`) }),
      (log: ReturnType<typeof createLogger>) => log.debug({ reason: `at ${URL_WITH_KEY}` }, `at ${URL_WITH_KEY}`),
    ]) {
      const { text, line } = logged(act);
      expect(text).not.toContain(KEY);
      expect(line.msg).toContain('https://rpc.example.org');
    }
  });
});

test('an error of a database is logged without its statement, which holds what somebody typed', () => {
  const refused = Object.assign(new Error("Data too long for column 'locale' at row 1"), {
    code: 'ER_DATA_TOO_LONG',
    sql: "update `users` set `email` = 'somebody@example.test'",
  });
  const { text, line } = logged((log) => log.error({ err: refused }, 'failed'));
  expect(text).not.toContain('somebody');
  expect(line.err).toMatchObject({ code: 'ER_DATA_TOO_LONG', message: expect.stringContaining('too long') as string });
});

test('an error that holds itself, or a deep or wide nest, is logged', () => {
  const error: Error & { self?: unknown; nest?: unknown } = new Error('outer');
  error.self = { error, list: [error] };
  error.nest = Array.from({ length: 50 }).reduce((inner) => ({ inner, again: inner }), { at: URL_WITH_KEY });
  const { text, line } = logged((log) => log.error({ err: error }, 'failed'));
  expect(line.err['message']).toBe('outer');
  expect(text).not.toContain(KEY);
});

test.each([
  [
    `see ${URL_WITH_KEY}, or wss://u:p@ws.example.org:8443/${KEY}?k=v`,
    'see https://rpc.example.org, or wss://ws.example.org:8443',
  ],
  ['mysql://root:hunter2@db.example.org:3306/app', 'mysql://db.example.org:3306'],
  ['mariadb://root:hunter2@db/app', 'mariadb://db'],
  ['HTTPS://RPC.example.org/KEY', 'https://rpc.example.org'],
  ['file:///srv/a.ts and 12://3', 'file:///srv/a.ts and 12://3'],
])('%s is logged as %s', (text, expected) => {
  expect(redactUrls(text)).toBe(expected);
});

test('a key of a known URL is blanked where it stands alone', () => {
  expect(redactUrls(`key ${KEY} of v2 is over its limit`, URL_WITH_KEY)).toBe('key [redacted] of v2 is over its limit');
  expect(redactUrl('nonsense')).toBe('[malformed url]');
});
