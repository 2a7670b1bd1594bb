import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bootServer, type RunningServer } from './boot.ts';
import { parseSettings } from './config/settings.ts';
import { openDatabase } from './db/index.ts';
import { entities } from './entities.ts';
import { createLogger } from './kernel/logger.ts';

let dataDir: string;
let running: RunningServer[];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'finverse-test-'));
  running = [];
});
afterEach(async () => {
  for (const server of running) await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const operator = { OPERATOR_EMAIL: 'operator@example.test', OPERATOR_PASSWORD: 'staple mandolin sphinx' };
/** A chain that does not answer: nothing gets as far as asking it. */
const outside = { WEB3_RPC_URL: 'http://127.0.0.1:9', STAKE_VAULT_ADDRESS: `0x${'11'.repeat(20)}` };

async function boot(
  environment: Record<string, string> = {},
  log = createLogger({ level: 'silent' }),
): Promise<RunningServer> {
  const settings = parseSettings({ FINVERSE_DATA_DIR: dataDir, PORT: String(await freePort()), ...environment });
  const server = await bootServer({ settings, log, progress: () => undefined });
  running.push(server);
  return server;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === 'object' ? address.port : 0;
}

/** As if the same address had been synced on another chain as well. */
async function copyVault({ describe }: RunningServer, { toChain }: { toChain: number }): Promise<void> {
  const database = await openDatabase({ url: describe.database.replace('SQLite, ', 'sqlite:'), entities });
  const [row = {}] = await database.em().execute<Record<string, unknown>[]>('select * from vaults');
  const copy = { ...row, id: 'vlt_copy', chain_id: toChain };
  const values = Object.values(copy);
  await database
    .em()
    .execute(
      `insert into vaults (${Object.keys(copy).join(', ')}) values (${values.map(() => '?').join(', ')})`,
      values,
      'run',
    );
  await database.close();
}

async function loginRole({ url, describe: { demo } }: RunningServer): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/v1/auth/login`, { method: 'POST', headers, body: JSON.stringify(demo) });
  return ((await answer.json()) as { user?: { role?: unknown } }).user?.role;
}

test('the demo login counts for nothing outside embedded mode, and works again back in it', async () => {
  const first = await boot();
  expect(await loginRole(first)).toBe('admin');
  const metrics = await (await fetch(`${first.url}/metrics`)).text();
  expect(metrics).toMatch(/^finverse_sync_faults_total\{vault="vlt_\w+",kind="node_behind"\} 0$/m);
  expect(metrics).toMatch(/^finverse_sync_halted\{vault="vlt_\w+"\} 0$/m);
  await first.stop();
  await expect(boot(outside)).rejects.toThrow('OPERATOR_EMAIL, OPERATOR_PASSWORD: there is no admin yet');
  const second = await boot();
  expect(await loginRole(second)).toBe('admin');
  await second.stop();
  expect(await loginRole(await boot(operator))).toBe('user');
}, 60_000);

test('where mails leave, a start without PUBLIC_URL says where their links lead', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'warn', destination: { write: (line) => void lines.push(line) } });
  const told = () => lines.splice(0).filter((line) => line.includes('PUBLIC_URL is not set'));
  const smtp = { SMTP_URL: 'smtp://127.0.0.1:9' };
  for (const [environment, times] of [
    [smtp, 1],
    [{ ...smtp, PUBLIC_URL: 'https://finverse.example' }, 0],
    [{}, 0],
  ] as const) {
    const server = await boot(environment, log);
    await server.stop();
    expect(told()).toHaveLength(times);
  }
}, 60_000);

test('the login that is printed works after its file was deleted', async () => {
  const first = await boot();
  await first.stop();
  rmSync(join(dataDir, 'demo-password'));
  const second = await boot();
  expect(second.describe.demo?.password).not.toBe(first.describe.demo?.password);
  expect(await loginRole(second)).toBe('admin');
}, 60_000);

test.each([
  ['outside embedded mode', outside],
  ['embedded', {}],
])(
  'an ordinary account is not the operator, %s, and the start says so',
  async (_where, environment) => {
    const first = await boot();
    const body = JSON.stringify({ email: operator.OPERATOR_EMAIL, password: 'correct horse battery' });
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${first.url}/api/v1/auth/register`, { method: 'POST', headers, body })).status).toBe(200);
    await first.stop();
    await expect(boot({ ...environment, ...operator })).rejects.toThrow(
      'OPERATOR_EMAIL: operator@example.test is an ordinary account here',
    );
  },
  60_000,
);

test('the operator cannot be the demo person', async () => {
  const taken = { ...operator, OPERATOR_EMAIL: 'Demo@finverse.local' };
  await expect(boot({ ...outside, ...taken })).rejects.toThrow(
    "OPERATOR_EMAIL: demo@finverse.local is the demo login's",
  );
});

test('says so when the embedded chain is killed, and starts again with it', async () => {
  const server = await boot();
  const [, anvilPid] = readFileSync(join(dataDir, 'chain', 'state.json.lock'), 'utf8').split('\n');
  process.kill(Number(anvilPid), 'SIGKILL');
  expect(await server.failed).toContain('the embedded chain ended although nobody asked');
  await server.stop();
  expect(await loginRole(await boot())).toBe('admin');
}, 60_000);

test.each([
  ['since its folder is gone', false],
  ['since its folder is gone, in a start that fails after that', true],
])(
  'a chain that is made anew, %s, is synced anew',
  async (_, failsFirst) => {
    const positionsOf = async ({ url }: RunningServer) => {
      const answer = await fetch(`${url}/api/v1/sync/status`);
      const { vaults } = (await answer.json()) as { vaults: { positions: number; halted_reason: string | null }[] };
      return vaults.map(({ positions, halted_reason: reason }) => ({ positions, reason }));
    };
    const healthOf = ({ url }: RunningServer) => fetch(`${url}/api/v1/sync/health`).then(({ status }) => status);
    const first = await boot();
    await expect.poll(() => healthOf(first)).toBe(200);
    const before = await positionsOf(first);
    expect(before[0]?.positions).toBeGreaterThan(0);
    await first.stop();
    rmSync(join(dataDir, 'chain'), { recursive: true });
    if (failsFirst)
      await expect(boot({ ...operator, OPERATOR_EMAIL: 'demo@finverse.local' })).rejects.toThrow('OPERATOR');
    const second = await boot();
    await expect.poll(() => healthOf(second)).toBe(200);
    expect(await positionsOf(second)).toEqual(before);
  },
  60_000,
);

test('the command that has a vault read anew refuses beside a running server, and the next start reads the vault', async () => {
  const command = join(import.meta.dirname, 'reread-vault.cli.ts');
  const reread = (address: string, environment = {}) => {
    const env = { PATH: process.env['PATH'], FINVERSE_DATA_DIR: dataDir, ...environment };
    const { status, stdout, stderr } = spawnSync(process.execPath, [command, address], { env, encoding: 'utf8' });
    return { status, said: stdout + stderr };
  };
  const vaultsOf = async ({ url }: RunningServer) => {
    const answer = await fetch(`${url}/api/v1/sync/status`);
    return ((await answer.json()) as { vaults: { address: string; positions: number }[] }).vaults;
  };
  const isHealthy = ({ url }: RunningServer) => fetch(`${url}/api/v1/sync/health`).then(({ ok }) => ok);
  const first = await boot();
  await expect.poll(() => isHealthy(first)).toBe(true);
  const before = await vaultsOf(first);
  const address = before[0]?.address ?? '';
  expect(reread(address)).toEqual({ status: 2, said: expect.stringContaining('another FinVerse runs') as string });
  await first.stop();
  expect(reread('0x12')).toEqual({ status: 2, said: expect.stringContaining('name one vault') as string });
  expect(reread(`0x${'12'.repeat(20)}`)).toEqual({
    status: 2,
    said: expect.stringContaining('knows no vault') as string,
  });
  await copyVault(first, { toChain: 1 });
  const unnamed = { ...outside, STAKE_VAULT_ADDRESS: address };
  expect(reread(address, unnamed)).toEqual({
    status: 2,
    said: `finverse: CHAIN_ID: the database knows the vault ${address} on the chains 1 and 31337; set it to the one that is meant\n`,
  });
  expect(reread(address, { ...unnamed, CHAIN_ID: '1' })).toMatchObject({ status: 0 });
  expect(reread(address)).toEqual({
    status: 0,
    said: expect.stringMatching(
      /^[1-9]\d* facts of 0x\w+ are set aside; the next start reads it anew from block 0\n$/,
    ) as string,
  });
  const second = await boot();
  await expect.poll(() => isHealthy(second)).toBe(true);
  expect((await vaultsOf(second)).map(({ positions }) => positions)).toEqual(before.map(({ positions }) => positions));
}, 180_000);
