/**
 * What keeps anvil's state file trustworthy.
 *
 * anvil writes the file with O_TRUNC, in place, every second and when it ends (seen with strace, 1.7.1). Killed in the
 * middle of that it leaves half a file, with which it refuses to start; so a copy of the last whole one lies beside it.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';

type Log = (message: string) => void;

/** Where the state of a chain that is about to start comes from. */
export type StateOrigin = 'none' | 'file' | 'backup';

const GOOD_COPY_INTERVAL_MS = 2_000;

export const goodCopyOf = (stateFile: string): string => `${stateFile}.good`;
export const damagedCopyOf = (stateFile: string): string => `${stateFile}.damaged`;
export const setAsideCopyOf = (stateFile: string, number: number): string => `${stateFile}.set-aside-${number}`;

/** Stands beside the state of a chain that the database has not been told of: what that knows may be of an earlier one. */
const newChainNoteOf = (stateFile: string): string => `${stateFile}.new-chain`;

/** Notes that the chain is a new one, until {@link forgetNewChain}. */
export function noteNewChain(stateFile: string): void {
  writeFileSync(newChainNoteOf(stateFile), '', { flush: true, mode: 0o600 });
}

export function isNewChain(stateFile: string): boolean {
  return existsSync(newChainNoteOf(stateFile));
}

export function forgetNewChain(stateFile: string): void {
  rmSync(newChainNoteOf(stateFile), { force: true });
}

/** Makes sure that anvil finds either a whole state or none: a damaged file is set aside for the last good copy. */
export function prepareState(stateFile: string, log: Log): StateOrigin {
  const goodCopy = goodCopyOf(stateFile);
  const state = readState(stateFile);
  if (state !== undefined) {
    writeWhole(goodCopy, state);
    return 'file';
  }
  const damaged = existsSync(stateFile);
  if (damaged) renameSync(stateFile, damagedCopyOf(stateFile));
  const backup = readState(goodCopy);
  if (backup !== undefined) {
    writeWhole(stateFile, backup);
    log(
      `chain state ${stateFile} was ${damaged ? 'damaged' : 'missing'}; went back to the last good copy, ${goodCopy}`,
    );
    return 'backup';
  }
  if (damaged) log(`chain state ${stateFile} was damaged and there is no good copy; the chain starts anew`);
  return 'none';
}

/** Moves the state out of the way, so that the next start makes a new chain. Answers where it is now. */
export function setStateAside(stateFile: string): string {
  let number = 1;
  while (existsSync(setAsideCopyOf(stateFile, number))) number += 1;
  const path = setAsideCopyOf(stateFile, number);
  // The copy goes last: a start that finds it alone takes it for the state, and comes here again.
  renameSync(stateFile, path);
  rmSync(goodCopyOf(stateFile), { force: true });
  return path;
}

/** Copies the state whenever anvil has written a new block to it. Returns the function that ends this. */
export function keepGoodCopy(stateFile: string): () => void {
  let copiedHead = '';
  const timer = setInterval(() => {
    try {
      const head = readHead(stateFile);
      if (head === copiedHead) return;
      const state = readState(stateFile);
      if (state === undefined) return; // Caught in the middle of a write: the next round sees it whole.
      writeWhole(goodCopyOf(stateFile), state);
      copiedHead = head;
    } catch {
      // A file that is not there yet, or a full disk: the copy stays as old as it is.
    }
  }, GOOD_COPY_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The file opens with the newest block's number and time, so a whole read is spared while nothing happens. */
function readHead(stateFile: string): string {
  const bytes = Buffer.alloc(160);
  const file = openSync(stateFile, 'r');
  try {
    return bytes.toString('latin1', 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

function readState(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    const state = JSON.parse(text) as { block?: unknown; accounts?: unknown } | null;
    return state?.block && state.accounts ? text : undefined;
  } catch {
    return undefined;
  }
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { flush: true, mode: 0o600 });
  renameSync(`${path}.new`, path);
}
