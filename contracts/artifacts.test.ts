import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('compile.mjs', import.meta.url));
const output = execFileSync(process.execPath, [compiler, '--print'], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
const fresh = Object.entries(JSON.parse(output) as Record<string, string>);

it.each(fresh)('%s equals a fresh compile', (path, content) => {
  const committed = readFileSync(`${root}${path}`, 'utf8');
  expect(committed === content, `${path} is not what the sources compile to: run \`node contracts/compile.mjs\``).toBe(
    true,
  );
});

it('covers both contracts and their ABI modules', () => {
  expect(fresh.map(([path]) => path).toSorted()).toEqual([
    'contracts/artifacts/StakeVault.json',
    'contracts/artifacts/Token.json',
    'shared/src/abi/stake-vault.ts',
    'shared/src/abi/token.ts',
  ]);
});
