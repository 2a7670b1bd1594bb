import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findAnvil } from './anvil-binary.ts';
import { forgetLock, lockState } from './anvil-lock.ts';
import { keepGoodCopy, prepareState, type StateOrigin } from './anvil-state.ts';
import { DevChainError } from './errors.ts';
import { rpcCall } from './rpc.ts';

export type AnvilOptions = {
  /** Path of the executable; default: the npm package's, else `anvil` on PATH. */
  binary?: string;
  /** Default: any free port. */
  port?: number;
  /** Where the chain is kept; default: in memory only. */
  stateFile?: string;
  /** Default 31337. */
  chainId?: number;
  /** Mines a block every so many seconds; default: one per transaction. */
  blockTimeSeconds?: number;
  /** Seconds since the epoch of block 0; ignored when a state is loaded. Default: now. */
  genesisTimestamp?: number;
  log?: (message: string) => void;
};

export type AnvilExit = { code: number | null; signal: NodeJS.Signals | null; stderr: string; wanted: boolean };

export type Anvil = {
  rpcUrl: string;
  wsUrl: string;
  port: number;
  /** Of anvil itself, not of the shell that watches over it. */
  pid: number;
  stateOrigin: StateOrigin;
  /** Ends anvil after it has written its state. Resolves when it is gone; may be called again. */
  stop(): Promise<void>;
  /** Resolves when anvil has ended for whatever reason; never rejects. `wanted` when `stop` was called. */
  exited: Promise<AnvilExit>;
};

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 15_000;
const ANSWER_TIMEOUT_MS = 2_000;
const STOP_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 15_000;
const POLL_MS = 5;
const PORT_TRIES_MAX = 5;
const STDERR_TAIL_CHARS = 2_000;

/**
 * Runs anvil for as long as its stdin is open. Arguments: lock note ('' for none), scratch folder, pid of the server,
 * command line.
 *
 * The server may die without a word (kill -9): then the pipe closes, `read` meets its end and anvil gets TERM, upon which
 * it writes its state. The guard runs before anything is printed, as by then a dead server would end the shell by SIGPIPE.
 * The note is touched only while it is ours.
 */
const SUPERVISOR = `
umask 077
note=$1; scratch=$2; server=$3; shift 3
exec 3<&0 </dev/null
"$@" 3<&- &
anvil=$!
(
  while read -r line; do :; done
  kill -TERM "$anvil"
  tries=0
  while kill -0 "$anvil" && [ "$tries" -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
  kill -KILL "$anvil"
  rm -rf "$scratch"
) <&3 >/dev/null 2>&1 &
guard=$!
exec 3<&-
trap '' PIPE
if [ -n "$note" ] && read -r first <"$note" && [ "$first" = "$server" ]; then echo "$anvil" >>"$note"; fi
echo "$anvil" 2>/dev/null
wait "$anvil"
code=$?
kill -KILL "$guard" 2>/dev/null
rm -rf "$scratch"
if [ -n "$note" ] && { read -r first; read -r second; } <"$note" 2>/dev/null && [ "$second" = "$anvil" ]; then rm -f "$note"; fi
exit "$code"
`;

/**
 * Starts anvil on 127.0.0.1 and resolves when it answers. It ends with this process, however this process ends, and does
 * not see the terminal's Ctrl-C. With a state file it first waits for the previous anvil of that file to end.
 * @throws DevChainError `ANVIL_NOT_FOUND`, `ANVIL_PORT_IN_USE`, `ANVIL_START_FAILED`, `ANVIL_STATE_LOCKED`.
 */
export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const binary = findAnvil(options.binary);
  const log = options.log ?? (() => undefined);
  const stateFile = options.stateFile === undefined ? undefined : resolve(options.stateFile);
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await findFreePort());
    try {
      return await launch(binary, port, { ...options, log, stateFile });
    } catch (error) {
      const clash = error instanceof DevChainError && error.code === 'ANVIL_PORT_IN_USE';
      if (!clash || options.port !== undefined || attempt >= PORT_TRIES_MAX) throw error;
      log(`port ${port} was taken meanwhile; trying another`);
    }
  }
}

type Launch = Omit<AnvilOptions, 'binary' | 'port' | 'stateFile' | 'log'> & {
  stateFile: string | undefined;
  log: (message: string) => void;
};

async function launch(binary: string, port: number, options: Launch): Promise<Anvil> {
  const { stateFile, log } = options;
  if (stateFile !== undefined) mkdirSync(dirname(stateFile), { recursive: true, mode: 0o700 });
  const lock = stateFile === undefined ? undefined : await lockState(stateFile, { timeoutMs: LOCK_TIMEOUT_MS, log });
  try {
    const stateOrigin = stateFile === undefined ? 'none' : prepareState(stateFile, log);
    // Made last: until the supervisor runs, nobody would remove it after a kill.
    const scratch = mkdtempSync(join(tmpdir(), 'finverse-anvil-'));
    const words = commandLine({ binary, port, scratch, stateOrigin, ...options });
    const supervised = supervise(words, { note: lock?.note, scratch });
    try {
      const pid = await Promise.race([ready(supervised, port, boundFileIn(scratch)), failure(supervised, port)]);
      const endCopies = stateFile === undefined ? undefined : keepGoodCopy(stateFile);
      const exited = supervised.exited.then((exit) => {
        endCopies?.();
        if (!exit.wanted) log(`anvil (pid ${pid}) ended by itself: code ${exit.code}, ${exit.stderr || 'no message'}`);
        return exit;
      });
      const stop = () => supervised.stop(pid);
      return { rpcUrl: `http://${HOST}:${port}`, wsUrl: `ws://${HOST}:${port}`, port, pid, stateOrigin, stop, exited };
    } catch (error) {
      await supervised.stop();
      throw error;
    }
  } catch (error) {
    lock?.release();
    throw error;
  }
}

/** anvil writes this file after it has bound the port: an answer on the port alone could be another anvil's. */
const boundFileIn = (scratch: string): string => join(scratch, 'bound.json');

type Command = Launch & { binary: string; port: number; scratch: string; stateOrigin: StateOrigin };

function commandLine({ binary, port, scratch, stateOrigin, ...options }: Command): string[] {
  const words = [binary, '--silent', '--host', HOST, '--port', String(port), '--config-out', boundFileIn(scratch)];
  // States older than some hundred blocks go to files, half a megabyte each: by default thousands of them under
  // ~/.foundry, where a killed anvil leaves them for ever.
  words.push('--cache-path', scratch, '--max-persisted-states', '500');
  // By default every web page may read the answers, and so send calls with the unlocked accounts.
  words.push('--no-cors');
  words.push('--chain-id', String(options.chainId ?? 31337));
  if (options.stateFile !== undefined) words.push('--state', options.stateFile, '--state-interval', '1');
  if (options.blockTimeSeconds !== undefined) words.push('--block-time', String(options.blockTimeSeconds));
  // On a loaded state this option would shift the clock of every block to come.
  if (options.genesisTimestamp !== undefined && stateOrigin === 'none') {
    words.push('--timestamp', String(options.genesisTimestamp));
  }
  return words;
}

type Supervised = {
  /** Resolves to anvil's pid as soon as it is spawned. */
  spawned: Promise<number>;
  exited: Promise<AnvilExit>;
  stop(anvilPid?: number): Promise<void>;
};

function supervise(words: string[], { note, scratch }: { note: string | undefined; scratch: string }): Supervised {
  const shellWords = ['-c', SUPERVISOR, 'finverse-anvil', note ?? '', scratch, String(process.pid), ...words];
  const child = spawn('/bin/sh', shellWords, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  let wanted = false;
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_TAIL_CHARS)));
  child.stdin.on('error', () => undefined); // The shell may be gone when the pipe is closed.
  const spawned = new Promise<number>((done) =>
    child.stdout.once('data', (text: Buffer) => done(Number(String(text)))),
  );
  const exited = new Promise<AnvilExit>((done) => {
    const finish = (code: number | null, signal: NodeJS.Signals | null) => {
      if (note !== undefined) forgetLock(note);
      rmSync(scratch, { recursive: true, force: true });
      done({ code, signal, stderr: stderr.trim(), wanted });
    };
    child.once('error', (error) => ((stderr += error.message), finish(null, null)));
    child.once('close', finish);
  });
  const stop = async (anvilPid?: number): Promise<void> => {
    wanted = true;
    child.stdin.end();
    if (await settles(exited, STOP_TIMEOUT_MS)) return;
    // anvil alone first: then its shell is there to reap it and to tidy up.
    if (anvilPid !== undefined) killHard(anvilPid);
    if (await settles(exited, STOP_TIMEOUT_MS)) return;
    if (child.pid !== undefined) killHard(-child.pid);
    await exited;
  };
  return { spawned, exited, stop };
}

/** A negative pid is a process group: the shell has its own, because it was spawned detached. */
function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

async function ready(supervised: Supervised, port: number, boundFile: string): Promise<number> {
  const deadline = AbortSignal.timeout(READY_TIMEOUT_MS);
  let isRunning = true;
  void supervised.exited.then(() => (isRunning = false));
  const pid = await supervised.spawned;
  while (isRunning && !deadline.aborted) {
    if (existsSync(boundFile) && (await answers(port))) return pid;
    await delay(POLL_MS);
  }
  // When it has ended by itself, `failure` knows why and wins the race.
  if (!isRunning) return new Promise(() => undefined);
  void supervised.stop(pid);
  const { stderr } = await supervised.exited;
  throw new DevChainError(
    'ANVIL_START_FAILED',
    `anvil did not answer within ${READY_TIMEOUT_MS} ms: ${stderr || 'no message'}`,
  );
}

async function failure(supervised: Supervised, port: number): Promise<never> {
  const { code, stderr, wanted } = await supervised.exited;
  if (wanted) return new Promise(() => undefined);
  if (/address already in use/i.test(stderr)) {
    throw new DevChainError('ANVIL_PORT_IN_USE', `port ${port} on ${HOST} is in use`);
  }
  throw new DevChainError(
    'ANVIL_START_FAILED',
    `anvil ended with code ${code} at its start: ${stderr || 'no message'}`,
  );
}

async function answers(port: number): Promise<boolean> {
  return rpcCall(`http://${HOST}:${port}`, 'eth_chainId', [], ANSWER_TIMEOUT_MS).then(
    () => true,
    () => false,
  );
}

async function settles(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const abort = new AbortController();
  const timeout = delay(timeoutMs, false, { signal: abort.signal }).catch(() => false);
  const settled = await Promise.race([promise.then(() => true), timeout]);
  abort.abort();
  return settled;
}

function findFreePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, HOST, () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object' ? done(address.port) : fail(new Error('no port')),
      );
    });
  });
}
