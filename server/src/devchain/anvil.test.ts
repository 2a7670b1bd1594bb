import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockNoteOf } from './anvil-lock.ts';
import { damagedCopyOf, goodCopyOf } from './anvil-state.ts';
import { startAnvil, type Anvil, type AnvilOptions } from './anvil.ts';
import { devActions } from './dev-actions.ts';
import { latestTimestamp, rpcCall } from './rpc.ts';

let folder: string;
let stateFile: string;
let started: Anvil[];
let logged: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'finverse-test-'));
  stateFile = join(folder, 'chain', 'state.json');
  started = [];
  logged = [];
});

afterEach(async () => {
  await Promise.all(started.map((anvil) => anvil.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: AnvilOptions = {}): Promise<Anvil> {
  const anvil = await startAnvil({ log: (message) => logged.push(message), ...options });
  started.push(anvil);
  return anvil;
}

const blockNumber = async (anvil: Anvil) => Number(await rpcCall(anvil.rpcUrl, 'eth_blockNumber'));

describe('startAnvil', () => {
  it('runs two chains side by side, each on its own port with its own id', async () => {
    const [first, second] = await Promise.all([start(), start({ chainId: 1337 })]);
    expect(first.port).not.toBe(second.port);
    expect(await rpcCall(first.rpcUrl, 'eth_chainId')).toBe('0x7a69');
    expect(await rpcCall(second.rpcUrl, 'eth_chainId')).toBe('0x539');
  });

  it('begins at the genesis time it is given and mines by itself when asked', async () => {
    const genesisTimestamp = 1_700_000_000;
    const startedAt = performance.now();
    const anvil = await start({ genesisTimestamp, blockTimeSeconds: 1 });
    await expect.poll(() => blockNumber(anvil)).toBeGreaterThan(0);
    const age = (await latestTimestamp(anvil.rpcUrl)) - genesisTimestamp;
    expect(age).toBeGreaterThan(0);
    // Its time goes by as ours does, to the second.
    expect(age).toBeLessThanOrEqual((performance.now() - startedAt) / 1000 + 1);
  });

  it('ends once, leaves no lock note, and may be stopped again', async () => {
    const anvil = await start({ stateFile });
    expect(existsSync(lockNoteOf(stateFile))).toBe(true);
    await Promise.all([anvil.stop(), anvil.stop()]);
    await anvil.stop();
    expect(await anvil.exited).toMatchObject({ code: 0, wanted: true });
    expect(existsSync(lockNoteOf(stateFile))).toBe(false);
    expect(() => process.kill(anvil.pid, 0)).toThrow('ESRCH');
  });

  it('lets no web page read its answers or send it JSON', async () => {
    const { rpcUrl } = await start();
    const headers = { origin: 'https://page.example', 'access-control-request-method': 'POST' };
    const preflight = await fetch(rpcUrl, { method: 'OPTIONS', headers });
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_accounts', params: [] });
    const asked = { method: 'POST', body };
    const call = await fetch(rpcUrl, { ...asked, headers: { ...headers, 'content-type': 'application/json' } });
    for (const answer of [preflight, call]) expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    // Browsers send plain text without asking first.
    const plain = await fetch(rpcUrl, { ...asked, headers: { ...headers, 'content-type': 'text/plain' } });
    expect(await plain.text()).not.toContain('result');
  });

  it('keeps its files for this account alone', async () => {
    const anvil = await start({ stateFile });
    const paths = [join(folder, 'chain'), lockNoteOf(stateFile)];
    await expect.poll(() => existsSync(stateFile)).toBe(true);
    const modes = [...paths, stateFile].map((path) => (statSync(path).mode & 0o777).toString(8));
    expect(modes).toEqual(['700', '600', '600']);
    await anvil.stop();
  });

  it('tells when anvil ends by itself', async () => {
    const anvil = await start({ stateFile });
    process.kill(anvil.pid, 'SIGKILL');
    expect((await anvil.exited).wanted).toBe(false);
    expect(logged.join()).toContain('ended by itself');
  });

  it('kills an anvil that does not end when asked', async () => {
    const anvil = await start({ stateFile });
    process.kill(anvil.pid, 'SIGSTOP');
    await anvil.stop();
    expect(() => process.kill(anvil.pid, 0)).toThrow('ESRCH');
    const next = await start({ stateFile });
    expect(await blockNumber(next)).toBe(0);
  }, 60_000);

  it('names the port that is taken', async () => {
    const blocker = await new Promise<Server>((done) => {
      const server = createServer().listen(0, '127.0.0.1', () => done(server));
    });
    const address = blocker.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(startAnvil({ port })).rejects.toMatchObject({
      code: 'ANVIL_PORT_IN_USE',
      message: expect.stringContaining(String(port)),
    });
    blocker.close();
  });

  it('does not take another anvil on its port for its own', async () => {
    const { port } = await start();
    await expect(startAnvil({ port })).rejects.toMatchObject({ code: 'ANVIL_PORT_IN_USE' });
  });

  it('says how to install anvil when there is none', async () => {
    await expect(startAnvil({ binary: join(folder, 'no-anvil') })).rejects.toMatchObject({
      code: 'ANVIL_NOT_FOUND',
      message: expect.stringContaining('getfoundry.sh'),
    });
  });

  it("reports a failed start with anvil's own words", async () => {
    await expect(startAnvil({ chainId: -1 })).rejects.toMatchObject({
      code: 'ANVIL_START_FAILED',
      message: expect.stringMatching(/unexpected argument|invalid value/),
    });
  });
});

describe('the state file', () => {
  it('keeps every block over a restart', async () => {
    const first = await start({ stateFile });
    await devActions.mine({ rpcUrl: first.rpcUrl, blocks: 7 });
    await first.stop();
    const second = await start({ stateFile });
    expect(second.stateOrigin).toBe('file');
    expect(await blockNumber(second)).toBe(7);
  });

  it('makes a second start wait until the first has ended', async () => {
    const first = await start({ stateFile });
    await devActions.mine({ rpcUrl: first.rpcUrl, blocks: 3 });
    const second = start({ stateFile });
    await expect.poll(() => logged.join()).toContain(`waiting for anvil (pid ${first.pid})`);
    await first.stop();
    expect(await blockNumber(await second)).toBe(3);
  });

  it('ignores the lock note of an anvil that is gone, even when its pid is in use again', async () => {
    await (await start({ stateFile })).stop();
    for (const note of [`999999\n${process.pid}\n`, `${process.pid}\n`, `999999\n`, '']) {
      writeFileSync(lockNoteOf(stateFile), note);
      await (await start({ stateFile })).stop();
    }
    expect(logged).toEqual([]);
  });

  it('goes back to the last good copy when it was cut off in the middle of a write', async () => {
    const first = await start({ stateFile });
    await devActions.mine({ rpcUrl: first.rpcUrl, blocks: 4 });
    const copied = () =>
      existsSync(goodCopyOf(stateFile)) && readFileSync(goodCopyOf(stateFile), 'latin1').includes('"0x4"');
    await expect.poll(copied).toBe(true);
    await first.stop();
    truncateSync(stateFile, 5_000);
    const second = await start({ stateFile });
    expect(second.stateOrigin).toBe('backup');
    expect(await blockNumber(second)).toBe(4);
    expect(logged.join()).toContain('damaged; went back to the last good copy');
    expect(existsSync(damagedCopyOf(stateFile))).toBe(true);
  }, 60_000);

  it('starts anew, and says so, when nothing good is left', async () => {
    await (await start({ stateFile })).stop();
    for (const path of [stateFile, goodCopyOf(stateFile)]) writeFileSync(path, '');
    const anvil = await start({ stateFile });
    expect(anvil.stateOrigin).toBe('none');
    expect(logged.join()).toContain('the chain starts anew');
  });
});
