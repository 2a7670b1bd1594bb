import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SettingsError } from '../kernel/errors.ts';
import { parseSettings } from './settings.ts';

const VAULT = '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512';
const TOKEN = '0x5FbDB2315678afecb367f032d93F642f64180aa3';
const chain = { WEB3_RPC_URL: 'http://127.0.0.1:8545', STAKE_VAULT_ADDRESS: VAULT };
const operator = { OPERATOR_EMAIL: 'operator@finverse.example', OPERATOR_PASSWORD: 'at least twelve' };

/** What the operator reads. */
function faultOf(environment: Record<string, string | undefined>): string {
  try {
    parseSettings(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as SettingsError).message;
  }
  throw new Error(`accepted: ${JSON.stringify(environment)}`);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'finverse-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a bad variable', () => {
  const bad: [string, string][] = [
    ['PORT', 'eighty'],
    ['PORT', '0'],
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['PUBLIC_URL', 'finverse.example'],
    ['PUBLIC_URL', 'ftp://finverse.example'],
    ['PUBLIC_URL', 'http://finverse.example'],
    ['PUBLIC_URL', 'http://192.168.0.5:8000'],
    ['PUBLIC_URL', 'http://127.0.0.1.finverse.example'],
    ['PUBLIC_URL', 'https://finverse.example/app'],
    ['PUBLIC_URL', 'https://finverse.example?x=1'],
    ['PUBLIC_URL', 'https://finverse.example/#x'],
    ['PUBLIC_URL', 'https://me@finverse.example'],
    ['TRUSTED_PROXIES', 'proxy.example'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '0.0.0.0/0'],
    ['TRUSTED_PROXIES', '10.0.0.1,'],
    ['TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['DATABASE_URL', 'postgres://127.0.0.1/finverse'],
    ['DATABASE_URL', 'mysql:'],
    ['REDIS_URL', 'http://127.0.0.1:6379'],
    ['WEB3_RPC_URL', 'ws://127.0.0.1:8545'],
    ['WEB3_RPC_URL', 'http://127.0.0.1:8545,,'],
    ['WEB3_WS_URL', 'http://127.0.0.1:8545'],
    ['CHAIN_ID', 'mainnet'],
    ['CHAIN_ID', '0'],
    ['TOKEN_ADDRESS', '0x5FbDB2315678afecb367f032d93F642f64180aa'],
    ['STAKE_VAULT_ADDRESS', 'vault.eth'],
    ['STAKE_VAULT_KIND', 'bank'],
    ['STAKE_VAULT_START_BLOCK', '-1'],
    ['STAKE_VAULT_START_BLOCK', 'latest'],
    ['SYNC_INTERVAL_SECONDS', '0'],
    ['SYNC_INTERVAL_SECONDS', '86401'],
    ['SYNC_AUTOSTART', 'yes'],
    ['OPERATOR_EMAIL', 'operator'],
    ['OPERATOR_PASSWORD', 'short'],
    ['REGISTRATION', 'invite'],
    ['SMTP_URL', 'mail.example:25'],
    ['SMTP_URL', 'http://mail.example'],
    ['MAIL_FROM', 'FinVerse'],
    ['RATE_LIMIT_SCALE', '0'],
    ['RATE_LIMIT_SCALE', 'Infinity'],
    ['LOG_LEVEL', 'loud'],
  ];

  test.each(bad)('%s=%s is named, on one line', (name, value) => {
    const fault = faultOf({ ...chain, [name]: value });
    expect(fault.startsWith(`${name}: `), fault).toBe(true);
    expect(fault).not.toContain('\n');
  });

  test('several at once are all named in one line', () => {
    const fault = faultOf(Object.fromEntries(bad));
    for (const [name] of bad) expect(fault).toContain(`${name}: `);
    expect(fault).not.toContain('\n');
  });

  test('no fault repeats a secret', () => {
    const fault = faultOf({
      OPERATOR_PASSWORD: 'hunter2',
      DATABASE_URL: 'postgres://root:hunter3@db/finverse',
      PORT: 'x',
    });
    expect(fault).not.toMatch(/hunter/);
  });
});

describe('variables that need each other', () => {
  test('an operator’s e-mail address without a password, or the other way round', () => {
    expect(faultOf({ OPERATOR_EMAIL: operator.OPERATOR_EMAIL })).toMatch(/OPERATOR_EMAIL and OPERATOR_PASSWORD/);
    expect(faultOf({ OPERATOR_PASSWORD: operator.OPERATOR_PASSWORD })).toMatch(/OPERATOR_EMAIL and OPERATOR_PASSWORD/);
    expect(parseSettings(operator).operator).toEqual({
      email: 'operator@finverse.example',
      password: 'at least twelve',
    });
  });

  test.each([
    ['WEB3_WS_URL', 'ws://127.0.0.1:8545'],
    ['CHAIN_ID', '1'],
    ['TOKEN_ADDRESS', TOKEN],
    ['STAKE_VAULT_ADDRESS', VAULT],
    ['VAULTS_FILE', 'vaults.json'],
  ])('%s without WEB3_RPC_URL would be ignored, so it is refused', (name, value) => {
    expect(faultOf({ [name]: value })).toBe(`WEB3_RPC_URL: must be set where ${name} is`);
  });

  test('a chain without a vault', () => {
    expect(faultOf({ WEB3_RPC_URL: chain.WEB3_RPC_URL })).toMatch(/^STAKE_VAULT_ADDRESS: .*VAULTS_FILE/);
  });

  test('one vault and a file of vaults', () => {
    expect(faultOf({ ...chain, VAULTS_FILE: 'vaults.json' })).toMatch(/^STAKE_VAULT_ADDRESS and VAULTS_FILE/);
  });
});

describe('embedded mode', () => {
  test('is when neither a database nor a chain is configured, and only then', () => {
    expect(parseSettings({})).toMatchObject({ isEmbedded: true, chain: null, syncAutostart: true, operator: null });
    for (const environment of [
      { DATABASE_URL: 'mariadb://127.0.0.1/finverse' },
      { DATABASE_URL: 'sqlite:/tmp/x.sqlite' },
      chain,
    ]) {
      expect(parseSettings(environment)).toMatchObject({ isEmbedded: false, syncAutostart: false });
    }
  });

  test('without mail is where anyone may register at once by default; elsewhere a mail proves the address', () => {
    expect(parseSettings({}).registration).toBe('open');
    expect(parseSettings(chain).registration).toBe('verify');
    expect(parseSettings({ DATABASE_URL: 'sqlite:/tmp/x.sqlite' }).registration).toBe('verify');
    expect(parseSettings({ ...chain, REGISTRATION: 'closed' }).registration).toBe('closed');
  });

  test('with mail configured proves addresses by mail as well, unless something else is said', () => {
    const mail = { SMTP_URL: 'smtp://mail.example:587' };
    expect(parseSettings(mail)).toMatchObject({ isEmbedded: true, registration: 'verify' });
    expect(parseSettings({ ...mail, REGISTRATION: 'open' }).registration).toBe('open');
  });

  test('listens on loopback alone', () => {
    for (const HOST of ['127.0.0.1', 'localhost', '::1']) expect(parseSettings({ HOST }).host).toBe(HOST);
    for (const HOST of ['0.0.0.0', '::', '192.168.0.1', '127.0.0.1.nip.io', 'finverse.example']) {
      expect(faultOf({ HOST })).toMatch(/^HOST: /);
      expect(parseSettings({ HOST, ...chain }).host).toBe(HOST);
    }
  });

  test('keeps its database in the data folder', () => {
    expect(parseSettings({ FINVERSE_DATA_DIR: '/srv/finverse' }).databaseUrl).toBe(
      'sqlite:/srv/finverse/finverse.sqlite',
    );
    expect(parseSettings({ FINVERSE_DATA_DIR: 'here' }).dataDir).toBe(resolve('here'));
  });
});

test.each(['http://localhost:8000', 'http://127.0.0.1', 'http://[::1]:8000', 'https://finverse.example'])(
  'PUBLIC_URL may be %s',
  (url) => {
    expect(parseSettings({ PUBLIC_URL: url }).publicUrl).toBe(url);
  },
);

test('PUBLIC_URL is an origin, however it is written', () => {
  expect(parseSettings({ PUBLIC_URL: 'https://Finverse.example:443/' }).publicUrl).toBe('https://finverse.example');
});

test('proxies are trusted by address or subnet', () => {
  const { trustedProxies } = parseSettings({ TRUSTED_PROXIES: '10.0.0.1, 192.0.2.0/24,fd00::/8' });
  expect(trustedProxies).toEqual(['10.0.0.1', '192.0.2.0/24', 'fd00::/8']);
  expect(parseSettings({}).trustedProxies).toBeNull();
});

test('mails come from the host of PUBLIC_URL unless something else is said', () => {
  expect(parseSettings({ PUBLIC_URL: 'https://finverse.example:8443' }).mail).toEqual({
    smtpUrl: null,
    from: 'FinVerse <no-reply@finverse.example>',
  });
  expect(parseSettings({ MAIL_FROM: 'bank@finverse.example' }).mail.from).toBe('bank@finverse.example');
});

describe('a chain', () => {
  test('is read with every list, number and address in its own form', () => {
    const settings = parseSettings({
      WEB3_RPC_URL: ' http://a.example , https://b.example/key ',
      WEB3_WS_URL: 'wss://a.example',
      CHAIN_ID: '31337',
      STAKE_VAULT_ADDRESS: VAULT,
      STAKE_VAULT_START_BLOCK: '12',
      TOKEN_ADDRESS: TOKEN,
    });
    expect(settings.chain).toEqual({
      rpcUrls: ['http://a.example', 'https://b.example/key'],
      wsUrls: ['wss://a.example'],
      chainId: 31337,
      vaults: [
        { kind: 'stake-vault', address: VAULT.toLowerCase(), tokenAddress: TOKEN.toLowerCase(), startBlock: 12 },
      ],
    });
  });
});

describe('a file of vaults', () => {
  const written = (content: unknown) => {
    const file = join(folder, 'vaults.json');
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return { WEB3_RPC_URL: chain.WEB3_RPC_URL, VAULTS_FILE: file };
  };

  test('names several', () => {
    const settings = parseSettings(
      written([
        { kind: 'stake-vault', address: VAULT, token_address: TOKEN, start_block: 7 },
        { kind: 'stake-vault', address: TOKEN },
      ]),
    );
    expect(settings.chain?.vaults).toEqual([
      { kind: 'stake-vault', address: VAULT.toLowerCase(), tokenAddress: TOKEN.toLowerCase(), startBlock: 7 },
      { kind: 'stake-vault', address: TOKEN.toLowerCase(), tokenAddress: null, startBlock: 0 },
    ]);
  });

  test.each([
    ['no JSON', '[{', /cannot read/],
    ['no list', {}, /the list/],
    ['an empty list', [], /the list/],
    ['another kind', [{ kind: 'bank', address: VAULT }], /0\.kind/],
    [
      'a bad address',
      [
        { kind: 'stake-vault', address: VAULT },
        { kind: 'stake-vault', address: '0x1' },
      ],
      /1\.address/,
    ],
    ['an unknown field', [{ kind: 'stake-vault', address: VAULT, startBlock: 1 }], /startBlock/],
    [
      'one address twice, in another case',
      [
        { kind: 'stake-vault', address: VAULT },
        { kind: 'stake-vault', address: VAULT.toLowerCase() },
      ],
      /twice/,
    ],
  ])('with %s is refused in one line that says where', (_, content, expected) => {
    const fault = faultOf(written(content));
    expect(fault).toMatch(/^VAULTS_FILE: /);
    expect(fault).toMatch(expected);
    expect(fault).not.toContain('\n');
  });

  test('that is not there is refused by its name', () => {
    const file = join(folder, 'none.json');
    expect(faultOf({ WEB3_RPC_URL: chain.WEB3_RPC_URL, VAULTS_FILE: file })).toBe(
      `VAULTS_FILE: cannot read ${file} as JSON`,
    );
  });
});

describe('.env.example', () => {
  const example = readFileSync(fileURLToPath(new URL('../../../.env.example', import.meta.url)), 'utf8');
  const documented = new Map(
    [...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
  const DEFAULTS = ['HOST', 'PORT', 'FINVERSE_DATA_DIR', 'SYNC_AUTOSTART', 'RATE_LIMIT_SCALE', 'LOG_LEVEL'];
  const CHAIN_DEFAULTS = ['STAKE_VAULT_KIND', 'STAKE_VAULT_START_BLOCK'];
  const pick = (names: string[]) => Object.fromEntries(names.map((name) => [name, documented.get(name)]));

  test('has every variable that is read, and no other', () => {
    const source = readFileSync(fileURLToPath(new URL('./settings.ts', import.meta.url)), 'utf8');
    const schema = /const environmentSchema = z\.object\(\{\n([^]*?)\n\}\);/.exec(source)?.[1] ?? '';
    const read = [...schema.matchAll(/^ {2}([A-Z][A-Z0-9_]*):/gm)].map(([, name = '']) => name);
    expect(read.length).toBeGreaterThan(15);
    expect([...documented.keys()].toSorted()).toEqual(read.toSorted());
  });

  test('gives the defaults that hold', () => {
    for (const name of [...DEFAULTS, ...CHAIN_DEFAULTS]) expect(documented.get(name), name).toBeTruthy();
    expect(parseSettings({})).toEqual(parseSettings(pick(DEFAULTS)));
    expect(parseSettings(chain)).toEqual(parseSettings({ ...chain, ...pick(CHAIN_DEFAULTS) }));
    // Left open here, since one that is set is told where another is in force: the scheduler has it.
    expect([documented.get('SYNC_INTERVAL_SECONDS'), parseSettings({}).syncIntervalSeconds]).toEqual(['10', null]);
  });

  test('gives examples that are accepted', () => {
    for (const [name, value] of documented) {
      // The file of vaults does not exist, and stands in place of the one vault.
      if (name === 'VAULTS_FILE') continue;
      expect(
        () => parseSettings({ ...chain, ...operator, ...(value === '' ? {} : { [name]: value }) }),
        name,
      ).not.toThrow();
    }
  });
});

test('an empty variable counts as not set', () => {
  const names = [
    ...Object.keys(chain),
    'PORT',
    'DATABASE_URL',
    'SYNC_AUTOSTART',
    'OPERATOR_EMAIL',
    'LOG_LEVEL',
    'VAULTS_FILE',
  ];
  expect(parseSettings(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(parseSettings({}));
  expect(parseSettings({ PORT: undefined })).toEqual(parseSettings({}));
});
