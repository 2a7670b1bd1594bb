import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Anvil, deployDevContracts, startAnvil } from '../server/src/devchain/index.ts';
import { launch, makeFolder, processesNaming, serverScript } from './support/launch.ts';
import { freePort, hasMariaDb, type MariaDb, startMariaDb } from './support/mariadb.ts';

// Every mistake in the settings: one line that names what is wrong and what to do, exit code 1, and nothing else.

const VAULT = '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512';
const TOKEN = '0x5FbDB2315678afecb367f032d93F642f64180aa3';
const operator = { OPERATOR_EMAIL: 'operator@example.test', OPERATOR_PASSWORD: 'hunter2hunter2' };

let anvil: Anvil;
let folder: Awaited<ReturnType<typeof makeFolder>>;

beforeAll(async () => {
  anvil = await startAnvil();
  await deployDevContracts(anvil.rpcUrl);
  folder = await makeFolder();
});
afterAll(async () => {
  await anvil.stop();
  await folder.remove();
});

/** Starts the server with these settings and answers the line that it leaves behind. */
async function faultOf(env: Record<string, string>): Promise<string> {
  const dataDir = join(folder.path, `data-${Math.random().toString(36).slice(2)}`);
  const process = launch(serverScript, {
    env: { PORT: String(await freePort()), FINVERSE_DATA_DIR: dataDir, ...env },
    cwd: folder.path,
  });
  // A server that finds nothing wrong must not leave the test waiting.
  process.printed(/listens on/).then(
    () => process.send('SIGTERM'),
    () => undefined,
  );
  const exit = await process.exited;
  const printed = `${process.stdout()}${process.stderr()}`;
  expect(exit, printed).toEqual({ code: 1, signal: null });
  const lines = process
    .stderr()
    .split('\n')
    .filter((line) => line !== '');
  expect(lines, printed).toHaveLength(1);
  const [line = ''] = lines;
  expect(line).toMatch(/^finverse: /);
  expect(printed, 'nothing internal').not.toMatch(/\n\s+at |node_modules|\.ts:\d|select |Exception|hunter2/);
  expect(process.stdout(), 'it never said that it listens').not.toContain('listens on');
  expect(processesNaming(dataDir), 'what it started').toEqual([]);
  return line.slice('finverse: '.length);
}

const chain = () => ({ WEB3_RPC_URL: anvil.rpcUrl, STAKE_VAULT_ADDRESS: VAULT, ...operator });

describe('a mistake in the settings', () => {
  it('several bad variables: all of them are named', async () => {
    const fault = await faultOf({
      PORT: 'eighty',
      CHAIN_ID: 'mainnet',
      LOG_LEVEL: 'loud',
      OPERATOR_PASSWORD: 'short',
      STAKE_VAULT_ADDRESS: 'vault.eth',
    });
    for (const name of ['PORT', 'CHAIN_ID', 'LOG_LEVEL', 'OPERATOR_PASSWORD', 'STAKE_VAULT_ADDRESS'])
      expect(fault).toContain(`${name}: `);
  });

  it('a short OPERATOR_PASSWORD: how long it must be', async () => {
    expect(await faultOf({ ...operator, OPERATOR_PASSWORD: 'hunter2' })).toBe(
      'OPERATOR_PASSWORD: must have at least 12 characters',
    );
  });

  it('HOST=0.0.0.0 in embedded mode: what would allow it', async () => {
    expect(await faultOf({ HOST: '0.0.0.0' })).toMatch(/^HOST: .*DATABASE_URL or WEB3_RPC_URL.*127\.0\.0\.1/);
  });

  it('an unknown scheme: those that there are', async () => {
    expect(await faultOf({ DATABASE_URL: 'postgres://u:hunter2@127.0.0.1/x', ...operator })).toMatch(
      /^DATABASE_URL: must begin with mysql:\/\/, mariadb:\/\/ or sqlite:$/,
    );
  });

  it('a database server that does not answer', async () => {
    const port = await freePort();
    for (const scheme of ['mysql', 'mariadb']) {
      const fault = await faultOf({ DATABASE_URL: `${scheme}://root:hunter2@127.0.0.1:${port}/finverse`, ...operator });
      expect(fault).toMatch(
        new RegExp(`^DATABASE_URL: .*127\\.0\\.0\\.1:${port}: the server does not answer .*is it running`),
      );
    }
  });

  it('a database without an operator’s account: both variables', async () => {
    expect(await faultOf({ DATABASE_URL: `sqlite:${join(folder.path, 'own.sqlite')}` })).toMatch(
      /^OPERATOR_EMAIL, OPERATOR_PASSWORD: .*set both/,
    );
  });

  it('a node that does not answer', async () => {
    const fault = await faultOf({ ...chain(), WEB3_RPC_URL: `http://127.0.0.1:${await freePort()}/v2/hunter2` });
    expect(fault).toMatch(/^WEB3_RPC_URL: the chain does not answer .*check that the node runs/);
  });

  it('a node of another chain: both numbers', async () => {
    expect(await faultOf({ ...chain(), CHAIN_ID: '1' })).toMatch(
      /^CHAIN_ID: is 1, but .*is on chain 31337 instead of 1; correct/,
    );
  });

  it('an address without code', async () => {
    const nowhere = `0x${'12'.repeat(20)}`;
    expect(await faultOf({ ...chain(), STAKE_VAULT_ADDRESS: nowhere })).toMatch(
      new RegExp(`^STAKE_VAULT_ADDRESS: there is no contract at ${nowhere} on chain 31337; check`),
    );
  });

  it('a contract of another interface', async () => {
    expect(await faultOf({ ...chain(), STAKE_VAULT_ADDRESS: TOKEN })).toMatch(
      /^STAKE_VAULT_ADDRESS: the contract at 0x5fbd\S+ is no stake-vault: .*check the address and STAKE_VAULT_KIND$/,
    );
  });

  it('a token that is not the vault’s: which one it is', async () => {
    expect(await faultOf({ ...chain(), TOKEN_ADDRESS: VAULT })).toMatch(
      new RegExp(`^TOKEN_ADDRESS: is ${VAULT}, but the vault .* stakes ${TOKEN}`, 'i'),
    );
  });

  it('a chain without a vault, a vault without a chain, and a file of vaults that is none', async () => {
    expect(await faultOf({ WEB3_RPC_URL: anvil.rpcUrl, ...operator })).toMatch(
      /^STAKE_VAULT_ADDRESS: must be set \(or VAULTS_FILE\)/,
    );
    expect(await faultOf({ STAKE_VAULT_ADDRESS: VAULT })).toMatch(/^WEB3_RPC_URL: must be set/);
    const file = join(folder.path, 'vaults.json');
    writeFileSync(file, '[{"kind": "bank", "address": "0x1"}]');
    expect(await faultOf({ WEB3_RPC_URL: anvil.rpcUrl, VAULTS_FILE: file, ...operator })).toMatch(
      /^VAULTS_FILE: 0\.kind .*0\.address/,
    );
  });

  it('a data folder that cannot be made', async () => {
    const file = join(folder.path, 'a-file');
    writeFileSync(file, '');
    expect(await faultOf({ FINVERSE_DATA_DIR: join(file, 'data') })).toMatch(
      /^FINVERSE_DATA_DIR: cannot write to .*check the folder/,
    );
  });

  it('in a .env file counts like one in the environment, which wins over the file', async () => {
    const own = await makeFolder();
    try {
      writeFileSync(join(own.path, '.env'), 'PORT=eighty\nLOG_LEVEL=loud\n');
      const process = launch(serverScript, {
        env: { LOG_LEVEL: 'info', FINVERSE_DATA_DIR: join(own.path, 'data') },
        cwd: own.path,
      });
      expect(await process.exited).toEqual({ code: 1, signal: null });
      expect(process.stderr()).toMatch(/^finverse: PORT: [^;\n]*\n$/);
    } finally {
      await own.remove();
    }
  });
});

describe.skipIf(!hasMariaDb())('a mistake in what a real server is told', () => {
  let mariadb: MariaDb;
  let url: URL;
  beforeAll(async () => {
    mariadb = await startMariaDb();
    url = new URL(await mariadb.createDatabase());
  });
  afterAll(() => mariadb.stop());

  const having = (scheme: string, change: (changed: URL) => void) => {
    const changed = new URL(url);
    change(changed);
    return { DATABASE_URL: changed.href.replace(/^mariadb:/, `${scheme}:`), ...operator };
  };

  it.each(['mysql', 'mariadb'])('a wrong password over %s://', async (scheme) => {
    const fault = await faultOf(having(scheme, (changed) => (changed.password = 'hunter2')));
    expect(fault).toMatch(/^DATABASE_URL: .*user or password refused/);
  });

  it.each(['mysql', 'mariadb'])('a missing database over %s://', async (scheme) => {
    const fault = await faultOf(having(scheme, (changed) => (changed.pathname = '/nowhere')));
    expect(fault).toMatch(/^DATABASE_URL: cannot use the database "nowhere" .*create it first/);
  });

  it.each(['mysql', 'mariadb'])('no database named over %s://', async (scheme) => {
    expect(await faultOf(having(scheme, (changed) => (changed.pathname = '')))).toMatch(
      /^DATABASE_URL: names no database; write mariadb:\/\//,
    );
  });
});
