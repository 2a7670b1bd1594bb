import { parseEther } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devAccounts, devActions } from '../server/src/devchain/index.ts';
import { rpcCall } from '../server/src/devchain/rpc.ts';
import { hasHledger } from './support/hledger.ts';
import { createApiClient } from './support/http-client.ts';
import { integrityScript, launch, type Launched, makeFolder, processesNaming, startScript } from './support/launch.ts';
import { freePort } from './support/mariadb.ts';
import { waitFor } from './support/poll.ts';
import { fencedBlocks } from './support/readme.ts';

// `npm start` runs scripts/start.mjs and nothing else.

const DEMO_USER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const VAULT = '0xe7f1725e7734ce288f8367e1bb143e90bb3f0512';
const TOKEN = '0x5fbdb2315678afecb367f032d93f642f64180aa3';

type Folder = Awaited<ReturnType<typeof makeFolder>>;
type Instance = {
  process: Launched;
  port: number;
  rpcUrl: string;
  readyMs: number;
  api: ReturnType<typeof createApiClient>;
};
type Status = { is_running: boolean; vaults: [{ cursor_block: number; positions: number }] };
type Position = Record<string, unknown>;

const folders: Folder[] = [];
const running = new Set<Launched>();
const newFolder = async () => {
  const folder = await makeFolder();
  folders.push(folder);
  return folder;
};
const startIn = (folder: Folder, port: number): Launched => {
  const process = launch(startScript, {
    env: { PORT: String(port), FINVERSE_DATA_DIR: folder.path },
    cwd: folder.path,
  });
  running.add(process);
  return process;
};
/** Starts FinVerse and waits for the last line it prints when it is ready. */
const start = async (folder: Folder, port: number): Promise<Instance> => {
  const startedAt = performance.now();
  const process = startIn(folder, port);
  await process.printed(/finverse\.sync\.status\.query\(\)/);
  const readyMs = performance.now() - startedAt;
  const [, rpcUrl = ''] = await process.printed(/RPC at (http:\S+)/);
  return { process, port, rpcUrl, readyMs, api: createApiClient(`http://127.0.0.1:${port}`, () => null) };
};
const stop = async ({ process }: Pick<Instance, 'process'>) => {
  process.send('SIGTERM');
  const exit = await process.exited;
  running.delete(process);
  return exit;
};

/** A line for the shell, exactly as the issue prints it but for the port. */
const shell = (instance: Instance, line: string): Launched =>
  launch('bash', { args: ['-c', line.replace('8000', String(instance.port))], cwd: folders[0]?.path ?? '/' });
const curl = async (instance: Instance, line: string): Promise<Record<string, unknown>> => {
  const process = shell(instance, line);
  expect((await process.exited).code, line).toBe(0);
  return JSON.parse(process.stdout()) as Record<string, unknown>;
};

let folder: Folder;
let instance: Instance;

beforeAll(async () => {
  folder = await newFolder();
  instance = await start(folder, await freePort());
});
afterAll(async () => {
  for (const process of running) process.send('SIGTERM');
  await Promise.all([...running].map(({ exited }) => exited));
  for (const { remove } of folders) await remove();
});

describe('npm start', () => {
  it('says what it is doing, then what runs where, a login that works, and the first lines to try', async () => {
    const { process, port, api } = instance;
    const text = process.stdout();
    expect(text).toMatch(/opening the database …\n/);
    expect(text).toMatch(/starting the embedded chain …\n/);
    expect(text).toContain(`FinVerse listens on http://127.0.0.1:${port}\n`);
    expect(text).toMatch(new RegExp(`database {2}SQLite, ${folder.path}/finverse.sqlite\n`));
    expect(text).toMatch(/chain {5}embedded, chain id 31337, RPC at http:\/\/127\.0\.0\.1:\d+\n/);
    expect(text.toLowerCase()).toContain(`vault     stake-vault ${VAULT} on chain 31337, token ${TOKEN}`);
    expect(text).toContain(`docs      http://127.0.0.1:${port}/api/v1/docs\n`);
    expect(text).toContain(`curl "http://127.0.0.1:${port}/api/v1/sync/status"\n`);
    expect(text).toContain(`curl -N "http://127.0.0.1:${port}/api/v1/sync/live"\n`);
    expect(text).toContain(`createFinverseClient({ url: "http://127.0.0.1:${port}" })`);
    const [, email, password] = /demo {6}(\S+) \/ (\S+)\n/.exec(text) ?? [];
    const login = await api.post<{ user: { role: string; watched_addresses: string[] } }>('/auth/login', {
      email,
      password,
    });
    expect(login).toMatchObject({
      status: 200,
      body: { user: { role: 'admin', watched_addresses: [DEMO_USER.toLowerCase()] } },
    });
  });

  it('prints each line of "Try" so that it works as printed', async () => {
    const lines = instance.process
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith('  curl "'));
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(await curl(instance, line.trim())).not.toHaveProperty('error');
  });

  it('answers the eight curl lines of the README, one after the other', async () => {
    const started = await curl(instance, 'curl -X POST "http://localhost:8000/api/v1/sync/start"');
    expect(started).toMatchObject({ is_running: true, sync_interval_seconds: 10 });

    const status = await curl(instance, 'curl "http://localhost:8000/api/v1/sync/status"');
    expect(status).toMatchObject({
      is_running: true,
      leader: { is_this_instance: true },
      vaults: [{ kind: 'stake-vault', chain_id: 31337, address: VAULT, token_address: TOKEN, halted_reason: null }],
    });

    const user = await curl(
      instance,
      `curl -X POST "http://localhost:8000/api/v1/sync/user" -H "Content-Type: application/json" -d '{"user_address": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"}'`,
    );
    expect(user).toMatchObject({ user_address: DEMO_USER.toLowerCase(), conflicts: 0 });
    const forced = user['positions'] as Position[];
    expect(forced.map(({ position_key, state }) => [position_key, state])).toEqual([
      ['0', 'closed'],
      ['1', 'unlockable'],
      ['2', 'unlockable'],
      ['3', 'locked'],
    ]);

    const cycle = await curl(instance, 'curl -X POST "http://localhost:8000/api/v1/sync/run-cycle"');
    expect(cycle).toMatchObject({ outcome: 'succeeded', conflicts: 0, error: null });

    const health = await curl(instance, 'curl "http://localhost:8000/api/v1/sync/health"');
    expect(health).toMatchObject({ status: 'healthy', is_running: true, vaults: [{ lag_blocks: 0 }] });

    const positions = await curl(
      instance,
      'curl "http://localhost:8000/api/v1/staking/positions?owner_address=0x70997970C51812dc3A010C7d01b50e0d17dc79C8"',
    );
    expect(positions['next_cursor']).toBeNull();
    expect((positions['items'] as Position[]).map(({ id }) => id)).toEqual(forced.map(({ id }) => id));
    expect(positions['items']).toContainEqual(
      expect.objectContaining({
        position_key: '3',
        amount: '750.50000000',
        amount_raw: parseEther('750.5').toString(),
        decimals: 18,
      }),
    );

    const live = shell(instance, 'curl -N "http://localhost:8000/api/v1/sync/live"');
    // The stream says something at once, so that its reader knows that it is open.
    await live.printed(/\n\n/);
    await devActions.stake({
      rpcUrl: instance.rpcUrl,
      account: devAccounts[9]?.address ?? '0x',
      amount: parseEther('12'),
    });
    const [, data = ''] = await live.printed(/^data: (\{.*"type":"fact".*\})$/m);
    expect(JSON.parse(data)).toMatchObject({
      type: 'fact',
      fact: { event: 'Staked', status: 'applied', owner_address: devAccounts[9]?.address.toLowerCase() },
      position: { amount: '12.00000000', state: 'locked' },
    });
    live.send('SIGTERM');
    await live.exited;

    const stopped = await curl(instance, 'curl -X POST "http://localhost:8000/api/v1/sync/stop"');
    expect(stopped).toMatchObject({ is_running: false });
  });

  it('keeps a ledger as the README shows it, pasted into bash from top to bottom', async () => {
    const blocks = fencedBlocks('README.md').filter(({ heading }) => heading === 'A ledger of your own');
    const script = blocks.flatMap(({ language, text }) => (language === 'bash' ? [text] : [])).join('\n');
    const bash = launch('bash', {
      args: ['-c', script.replace('localhost:8000', `localhost:${instance.port}`)],
      cwd: folder.path,
    });
    await bash.exited;
    const printed = bash.stdout();
    if (hasHledger()) {
      expect(bash.stderr()).toBe('');
      expect(printed, 'what hledger sums up').toMatch(/^-+\n +0 *$/m);
    }
    const answers = printed
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
    expect(answers.filter(({ error }) => error)).toEqual([]);
    expect(answers).toMatchObject([
      { base_currency: 'EUR', time_zone: 'Europe/Berlin' },
      { token: expect.stringMatching(/^fv_/), scopes: ['accounts:read', 'transactions:read'] },
      { kind: 'expense', amount: '12.50000000', payee: 'Corner shop' },
      { items: [{ payee: 'Corner shop' }], next_cursor: null },
      { counts: { read: 2, new: 2, duplicate: 0, faulty: 0 }, faults: [] },
      { id: expect.stringMatching(/^imp_/) },
      { status: 'completed', created: 2, duplicates: 0, faulty: 0 },
      { items: [{ payee: 'Acme' }, { payee: 'Baker' }, { payee: 'Corner shop' }, { kind: 'opening' }] },
      { status: 'open', difference: '0.00000000', cleared_balance: '1334.30000000' },
      { reconciliation: { status: 'finished', cleared_count: 4 }, adjustment: null },
      { is_sound: true, checked: { transactions: 4 } },
    ]);
    expect(printed).toMatch(/^data: .*"status":"completed"/m);

    expect(blocks.map(({ text }) => text)).toContain('npm run check-integrity');
    const check = launch(integrityScript, { env: { FINVERSE_DATA_DIR: folder.path }, cwd: folder.path });
    expect(await check.exited, check.stdout()).toEqual({ code: 0, signal: null });
  });

  it('refuses a second instance on the same folder in one line that says what to do', async () => {
    const second = startIn(folder, await freePort());
    expect(await second.exited).toEqual({ code: 1, signal: null });
    running.delete(second);
    expect(second.stderr()).toBe(
      `finverse: FINVERSE_DATA_DIR: another FinVerse runs on ${folder.path}; stop it, or set another folder\n`,
    );
    expect((await instance.api.get('/sync/status')).status).toBe(200);
  });

  it('refuses a port that is in use in one line that says what to do, and leaves nothing running', async () => {
    const other = await newFolder();
    const second = startIn(other, instance.port);
    expect(await second.exited).toEqual({ code: 1, signal: null });
    running.delete(second);
    expect(second.stderr()).toBe(
      `finverse: PORT: port ${instance.port} of 127.0.0.1 is in use; set another PORT, or stop what listens there\n`,
    );
    expect(processesNaming(other.path)).toEqual([]);
  });

  it('asked to stop while it still starts, ends cleanly and leaves nothing running', async () => {
    const other = await newFolder();
    const starting = startIn(other, await freePort());
    await starting.printed(/starting the embedded chain/);
    expect(await stop({ process: starting })).toEqual({ code: 0, signal: null });
    expect(processesNaming(other.path)).toEqual([]);
  });

  it('runs beside another instance with its own port and folder, and neither sees the other’s chain', async () => {
    const other = await start(await newFolder(), await freePort());
    const staker = devAccounts[8]?.address ?? '0x';
    await other.api.post('/sync/start');
    await devActions.stake({ rpcUrl: other.rpcUrl, account: staker, amount: parseEther('3') });
    const countOf = async ({ api }: Instance) => (await api.list(`/staking/positions?owner_address=${staker}`)).length;
    await waitFor('the stake on the one', async () => (await countOf(other)) === 1);
    await instance.api.post('/sync/run-cycle');
    expect(await countOf(instance)).toBe(0);
    expect(await stop(other)).toEqual({ code: 0, signal: null });
  });

  it('stops cleanly on SIGTERM, leaves no anvil, and goes on from where it was when started again', async () => {
    const [before, positions] = [
      await instance.api.get<Status>('/sync/status'),
      await instance.api.list<Position>('/staking/positions?limit=200'),
    ];
    expect(positions.length).toBeGreaterThan(8);
    expect(await stop(instance)).toEqual({ code: 0, signal: null });
    const complaints = instance.process
      .stderr()
      .split('\n')
      .filter((line) => !/^$|^\{"level":30,/.test(line));
    expect(complaints, 'warnings and errors in the log').toEqual([]);
    expect(processesNaming(folder.path)).toEqual([]);
    await expect(rpcCall(instance.rpcUrl, 'eth_chainId')).rejects.toThrow('fetch failed');

    instance = await start(folder, instance.port);
    console.log(`started again in ${Math.round(instance.readyMs)} ms`);
    expect(instance.readyMs).toBeLessThan(20_000);
    const resting = await instance.api.get<Status>('/sync/status');
    expect(resting.body, 'an order to stop outlives a restart').toMatchObject({
      is_running: false,
      vaults: [{ positions: positions.length, verified_block: expect.any(Number) }],
    });
    expect(resting.body.vaults[0].cursor_block).toBeGreaterThanOrEqual(before.body.vaults[0].cursor_block);

    await instance.api.post('/sync/start');
    await waitFor('sync to be healthy', async () => (await instance.api.get('/sync/health')).status === 200);
    const same = (list: Position[]) =>
      list.map(({ id, owner_address, position_key, amount_raw, staked_at, claimed_reward_raw }) => ({
        id,
        owner_address,
        position_key,
        amount_raw,
        staked_at,
        claimed_reward_raw,
      }));
    expect(same(await instance.api.list('/staking/positions?limit=200'))).toEqual(same(positions));
    expect((await instance.api.get<Status>('/sync/status')).body.vaults[0].cursor_block).toBeGreaterThan(
      before.body.vaults[0].cursor_block,
    );
  });
});
