import { accessSync, constants, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system in memory, as Linux has it. */
const MEMORY = '/dev/shm';
/** What the tests put there at once is below one gigabyte; the rest is what they and the machine need beside it. */
const FREE_BYTES_MIN = 4 * 2 ** 30;
const PREFIX = 'finverse-test-';

/**
 * A folder for everything that a run of the tests writes, removed when this process ends. In memory where there is plenty: a test makes a database of its own
 * and migrates it, some two hundred statements that each wait for the disk; in memory all tests take a third of the time. `TMPDIR` overrides.
 */
export function makeTestFolder() {
  const parent = process.env['TMPDIR'] === undefined && hasRoomInMemory() ? MEMORY : tmpdir();
  removeLeftovers(parent);
  const folder = join(parent, `${PREFIX}${process.pid}`);
  mkdirSync(folder, { mode: 0o700 });
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function hasRoomInMemory() {
  try {
    accessSync(MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= FREE_BYTES_MIN && freemem() >= FREE_BYTES_MIN;
  } catch {
    return false;
  }
}

/** Of runs that were killed: nothing else would ever free their memory. */
function removeLeftovers(parent) {
  for (const name of readdirSync(parent)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)$`).exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
