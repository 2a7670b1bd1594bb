/**
 * One anvil per state file. The note beside the file holds two lines: the pid of the server that made it and, once it
 * runs, of the anvil. anvil writes its state a last time when it ends, after its server has died, so a new start must
 * wait for that end before it reads.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DevChainError } from './errors.ts';

const POLL_MS = 25;

/** Notes that this process holds: after a container restart an old note may carry our own pid. */
const heldHere = new Set<string>();

export const lockNoteOf = (stateFile: string): string => `${stateFile}.lock`;

/**
 * Waits until no anvil uses the state file, then takes it. The supervisor adds anvil's pid and removes the note when
 * anvil has ended; `release` is for a start that never got that far.
 * @throws DevChainError `ANVIL_STATE_LOCKED` when the holder is still there after `timeoutMs`.
 */
export async function lockState(
  stateFile: string,
  options: { timeoutMs: number; log: (message: string) => void },
): Promise<{ note: string; release(): void }> {
  const note = lockNoteOf(stateFile);
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    if (tryCreate(note)) break;
    const holder = findHolder(note, stateFile);
    if (holder === undefined) {
      rmSync(note, { force: true });
      continue;
    }
    if (waitedMs === 0) options.log(`waiting for ${holder} to finish with ${stateFile}`);
    if (waitedMs >= options.timeoutMs) {
      throw new DevChainError(
        'ANVIL_STATE_LOCKED',
        `${holder} still uses ${stateFile}: stop the other server, or give this one its own FINVERSE_DATA_DIR`,
      );
    }
    await delay(POLL_MS);
  }
  heldHere.add(note);
  return {
    note,
    release: () => {
      if (heldHere.delete(note)) rmSync(note, { force: true });
    },
  };
}

/** Tells this process that the supervisor has removed the note. */
export function forgetLock(note: string): void {
  heldHere.delete(note);
}

function tryCreate(note: string): boolean {
  try {
    writeFileSync(note, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Who still uses the state file, in words; undefined when the note is a leftover. */
function findHolder(note: string, stateFile: string): string | undefined {
  const [serverPid, anvilPid] = readPids(note);
  if (anvilPid !== undefined) return isAnvilOf(anvilPid, stateFile) ? `anvil (pid ${anvilPid})` : undefined;
  if (serverPid === undefined) return undefined;
  if (serverPid === process.pid) return heldHere.has(note) ? 'this process' : undefined;
  return isNode(serverPid) ? `a starting server (pid ${serverPid})` : undefined;
}

function readPids(note: string): number[] {
  try {
    return readFileSync(note, 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** A pid alone proves nothing after a reboot: where /proc tells, the command line must name this state file. */
function isAnvilOf(pid: number, stateFile: string): boolean {
  const commandLine = readCommandLine(pid);
  if (commandLine === undefined) return isAlive(pid);
  return commandLine[0]?.endsWith('anvil') === true && commandLine.includes(stateFile);
}

function isNode(pid: number): boolean {
  const commandLine = readCommandLine(pid);
  return commandLine === undefined ? isAlive(pid) : /node|vitest/.test(commandLine[0] ?? '');
}

/** The words of a process's command line, empty for one that is gone or a zombie; undefined without /proc. */
function readCommandLine(pid: number): string[] | undefined {
  if (!existsSync('/proc/self/cmdline')) return undefined;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
