import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DevChainError } from './errors.ts';

const INSTALL_HINT =
  'The embedded chain needs anvil. On Linux x64 `npm ci` installs it (@foundry-rs/anvil-linux-amd64, an optional ' +
  'dependency); elsewhere install Foundry (https://getfoundry.sh) so that `anvil` is on PATH, or set WEB3_RPC_URL, ' +
  'TOKEN_ADDRESS and STAKE_VAULT_ADDRESS to use a chain of your own.';

/** The anvil to run: the given path, else the npm package's, else the one on PATH. @throws DevChainError `ANVIL_NOT_FOUND`. */
export function findAnvil(binary?: string): string {
  if (binary !== undefined) {
    if (!runs(binary)) throw new DevChainError('ANVIL_NOT_FOUND', `${binary} does not run. ${INSTALL_HINT}`);
    return binary;
  }
  const packaged = packagedAnvil();
  if (packaged !== undefined) return packaged;
  if (runs('anvil')) return 'anvil';
  throw new DevChainError('ANVIL_NOT_FOUND', INSTALL_HINT);
}

function packagedAnvil(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve('@foundry-rs/anvil-linux-amd64/package.json');
    const binary = join(dirname(manifest), 'bin', 'anvil');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

function runs(binary: string): boolean {
  return spawnSync(binary, ['--version'], { stdio: 'ignore', timeout: 5_000 }).status === 0;
}
