import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../e2e/support/mariadb.ts';
import { findAnvil } from '../../server/src/devchain/anvil-binary.ts';
import { rpc } from './rpc.ts';

export type BenchAnvil = { rpcUrl: string; wsUrl: string; stop(): Promise<void> };

const READY_TIMEOUT_MS = 120_000;

/**
 * Starts anvil with the given arguments on a free port of 127.0.0.1. Beside `startAnvil` of devchain/ because a benchmark needs what a server must not
 * have: two hundred accounts, blocks without a gas limit, no history of states.
 */
export async function startBenchAnvil(args: readonly string[]): Promise<BenchAnvil> {
  const port = await freePort();
  const child = spawn(findAnvil(), ['--silent', '--host', '127.0.0.1', '--port', String(port), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-2000)));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const rpcUrl = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (
    !(await rpc(rpcUrl, 'eth_chainId').then(
      () => true,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || Date.now() > deadline) {
      kill();
      throw new Error(`anvil did not start: ${stderr}`);
    }
    await delay(50);
  }
  return {
    rpcUrl,
    wsUrl: `ws://127.0.0.1:${port}`,
    stop: async () => {
      process.off('exit', kill);
      child.kill('SIGTERM');
      await exited;
    },
  };
}
