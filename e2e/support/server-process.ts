import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ApiClient, createApiClient, openRequest } from './http-client.ts';
import { waitFor } from './poll.ts';

const entryPoint = fileURLToPath(new URL('../../server/main.mjs', import.meta.url));
const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 60_000;
const OUTPUT_TAIL_CHARS = 6_000;

export type ServerExit = { code: number | null; signal: NodeJS.Signals | null };

/** The real server as a child of the test: `server/main.mjs` with an environment of its own. */
export type ServerProcess = ApiClient & {
  url: string;
  /** The last of what it printed. */
  output(): string;
  exited: Promise<ServerExit>;
  /** Resolves when `/health/ready` answers 200. @throws with the tail of the output when it ends before or takes too long. */
  ready(timeoutMs?: number): Promise<void>;
  /** SIGKILL: no handler runs, nothing is flushed. */
  kill9(): Promise<void>;
  /** SIGTERM, and the exit that follows. */
  terminate(): Promise<ServerExit>;
};

export type ServerEnvironment = Record<string, string>;

type SpawnOptions = { env: ServerEnvironment; port: number; token?: () => string | null };

/**
 * Spawns the server and returns at once, before it has done anything. Of this process's environment it inherits nothing but PATH and the place for
 * temporary files, so that a developer's own settings cannot leak in. The ipc channel ends it when the test run is killed.
 */
export function spawnServer({ env, port, token = () => null }: SpawnOptions): ServerProcess {
  const url = `http://127.0.0.1:${port}`;
  const inherited = ['PATH', 'HOME', 'TMPDIR'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const child = spawn(process.execPath, [entryPoint], {
    env: { ...Object.fromEntries(inherited), LOG_LEVEL: 'warn', ...env, HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  const hear = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-OUTPUT_TAIL_CHARS);
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  let hasEnded = false;
  const exited = new Promise<ServerExit>((resolve) => {
    const end = (exit: ServerExit) => {
      hasEnded = true;
      resolve(exit);
    };
    child.once('exit', (code, signal) => end({ code, signal }));
    child.once('error', (error) => {
      hear(Buffer.from(error.message));
      if (child.pid === undefined) end({ code: null, signal: null });
    });
  });
  return {
    url,
    exited,
    output: () => output,
    ...createApiClient(url, token),
    ready: async (timeoutMs = READY_TIMEOUT_MS) => {
      // One that has ended will never be ready: then there is nothing to wait for.
      await waitFor('the server to be ready', async () => hasEnded || isReady(url), timeoutMs).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}\n--- the server printed ---\n${output}`, { cause: error });
        },
      );
      if (hasEnded) throw new Error(`the server ended at its start\n--- it printed ---\n${output}`);
    },
    kill9: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    terminate: async () => {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      return exited.finally(() => clearTimeout(force));
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  const response = await openRequest({ url: `${url}/health/ready` });
  response.resume();
  return response.statusCode === 200;
}
