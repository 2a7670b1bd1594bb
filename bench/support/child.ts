import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { serverFlags } from '../../scripts/server-flags.mjs';

/** As the server is run, and with what BENCH_NODE_ARGS adds, for profiles. */
export function benchNodeArgs(): string[] {
  return [...serverFlags, ...(process.env['BENCH_NODE_ARGS']?.split(' ') ?? [])];
}

const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url));

/** Runs bench/<name> in a process of its own, so that its memory is its own, and answers the one message that it sends. */
export async function measureInChild<Result>(name: string, task: object): Promise<Result> {
  const script = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const child = fork(script, [JSON.stringify(task)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // As server/main.mjs does: what is compiled is not compiled, and held, once more.
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
    execArgv: benchNodeArgs(),
  });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  try {
    return await new Promise<Result>((resolve, reject) => {
      let result: Result | undefined;
      child.on('message', (message) => (result = message as Result));
      child.on('error', reject);
      child.on('exit', (code) =>
        code === 0 && result !== undefined ? resolve(result) : reject(new Error(`${name} ended with code ${code}`)),
      );
    });
  } finally {
    process.off('exit', kill);
  }
}

/** In the child: what it was asked to do. */
export function childTask(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}

/** In the child: hands back the result and ends. */
export function finishChild(result: object): void {
  process.send?.(result, () => process.exit(0));
}
