import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../e2e/support/mariadb.ts';
import { benchNodeArgs } from './child.ts';
import { tokenAddress, vaultAddress } from './vault-chain.ts';

export type BenchServer = { pid: number; url: string; token: string; stop(): Promise<void> };

const READY_TIMEOUT_MS = 30_000;
const operator = { email: 'bench@example.com', password: 'a-password-of-the-bench' };

/** The server as an operator runs it, in a process of its own, ready and signed in to. */
export async function startServer(settings: {
  databaseUrl: string;
  rpcUrl: string;
  wsUrl: string;
}): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'finverse-bench-server-'));
  const port = await freePort();
  const main = fileURLToPath(new URL('../../server/main.mjs', import.meta.url));
  const child = spawn(process.execPath, [...benchNodeArgs(), main], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      PORT: String(port),
      FINVERSE_DATA_DIR: dataDir,
      DATABASE_URL: settings.databaseUrl,
      WEB3_RPC_URL: settings.rpcUrl,
      WEB3_WS_URL: settings.wsUrl,
      CHAIN_ID: '31337',
      TOKEN_ADDRESS: tokenAddress,
      STAKE_VAULT_ADDRESS: vaultAddress,
      SYNC_AUTOSTART: 'true',
      OPERATOR_EMAIL: operator.email,
      OPERATOR_PASSWORD: operator.password,
      RATE_LIMIT_SCALE: '1000',
      LOG_LEVEL: 'silent',
    },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (
    !(await fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('the server did not become ready');
    await delay(50);
  }
  const login = await fetch(`${url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(operator),
  });
  const { token } = (await login.json()) as { token: string };
  return {
    pid: child.pid ?? 0,
    url,
    token,
    stop: async () => {
      process.off('exit', kill);
      child.kill('SIGTERM');
      await exited;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
