import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the file, and the folders up to it, for this account alone, unless they exist; of a file that exists it takes away what all other accounts may.
 * To be called before SQLite opens it: the files that SQLite puts beside it get its mode.
 *
 * A file that exists is never opened: closing it would give up the locks that this process holds on it.
 */
export function makePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    for (const file of [path, `${path}-wal`, `${path}-shm`]) closeToOthers(file);
  }
}

function closeToOthers(path: string): void {
  try {
    const { mode } = statSync(path);
    if ((mode & 0o007) !== 0) chmodSync(path, mode & 0o770);
  } catch {
    // Not there, or another account's, who decides about it.
  }
}
