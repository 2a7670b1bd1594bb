import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What `npm start` runs. */
export const startScript = join(root, 'scripts', 'start.mjs');
/** What `npm run check-integrity` runs. */
export const integrityScript = join(root, 'scripts', 'check-integrity.mjs');
/** The server itself. */
export const serverScript = join(root, 'server', 'main.mjs');

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

export type Launched = {
  stdout(): string;
  stderr(): string;
  exited: Promise<Exit>;
  /** Resolves with the match as soon as standard output has one. @throws with everything that was printed when the process ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  send(signal: NodeJS.Signals): void;
};

/**
 * Runs a program as a person would in a terminal: with an environment of its own, of which only PATH, HOME and the place for temporary files are
 * inherited, and in the given folder, so that no `.env` of a developer leaks in.
 */
export function launch(
  program: string,
  { args = [], env = {}, cwd }: { args?: string[]; env?: Record<string, string>; cwd: string },
): Launched {
  const inherited = ['PATH', 'HOME', 'TMPDIR'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const isScript = program.endsWith('.mjs');
  const child = spawn(isScript ? process.execPath : program, isScript ? [program, ...args] : args, {
    env: { ...Object.fromEntries(inherited), ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  // `close` comes after the last of the output, `exit` may come before it.
  const exited = new Promise<Exit>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  return {
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exited,
    send: (signal) => void child.kill(signal),
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(output.stdout);
          if (!match) return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        look();
        void exited.then(({ code, signal }) =>
          reject(
            new Error(
              `it ended (${code ?? signal}) without printing ${String(pattern)}\n${output.stdout}\n${output.stderr}`,
            ),
          ),
        );
      }),
  };
}

/** A temporary folder, and how to remove it. */
export async function makeFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'finverse-e2e-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** The command lines of living processes that name the text. Where there is no /proc, none are seen. */
export function processesNaming(text: string): string[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        } catch {
          return '';
        }
      })
      .filter((line) => line.includes(text));
  } catch {
    return [];
  }
}
