import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { findAnvil } from '../../server/src/devchain/anvil-binary.ts';

/** One line about where the figures come from. */
export function describeMachine(): string {
  const cores = cpus();
  const version = (program: string) => {
    try {
      return execFileSync(program, ['--version'], { encoding: 'utf8' }).split('\n')[0]?.trim();
    } catch {
      return `${program} is not installed`;
    }
  };
  return [
    new Date().toISOString().slice(0, 10),
    `${cores.length} cores (${cores[0]?.model.trim()})`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    version('mariadbd'),
    version(findAnvil()),
  ].join(' · ');
}
