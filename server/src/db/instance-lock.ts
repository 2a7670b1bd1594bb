import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { SettingsError } from '../kernel/errors.ts';
import { makePrivateFile } from './private-file.ts';
import { IN_MEMORY, sqlitePath } from './sqlite-path.ts';

/** Keeps the locks reachable: one that the garbage collector closes is given up. */
const held = new Set<Database.Database>();

/**
 * Makes this process the only one that uses a data folder. The lock is one of the operating system's on a file, so it ends with the process, however
 * that ends.
 *
 * @returns the function that gives it up.
 * @throws SettingsError when another process holds it.
 */
export function lockDataFolder(folder: string): () => void {
  return lockFile(join(folder, 'instance.lock'), { variable: 'FINVERSE_DATA_DIR', what: folder, kind: 'folder' });
}

/**
 * Makes this process the only FinVerse on an SQLite file, wherever its data folder is. A database in memory is nobody else's anyway.
 *
 * @throws SettingsError when another process holds it.
 */
export function lockSqliteFile(url: string): () => void {
  const file = sqlitePath(url);
  if (file === IN_MEMORY) return () => undefined;
  return lockFile(`${file}.lock`, { variable: 'DATABASE_URL', what: file, kind: 'file' });
}

function lockFile(
  file: string,
  { variable, what, kind }: { variable: string; what: string; kind: string },
): () => void {
  let lock: Database.Database;
  try {
    makePrivateFile(file);
    lock = new Database(file, { timeout: 1000 });
  } catch (error) {
    throw new SettingsError(`${variable}: cannot write to ${dirname(file)}; check the folder and its permissions`, {
      cause: error,
    });
  }
  try {
    lock.exec('begin exclusive');
  } catch (error) {
    lock.close();
    throw new SettingsError(`${variable}: another FinVerse runs on ${what}; stop it, or set another ${kind}`, {
      cause: error,
    });
  }
  held.add(lock);
  return () => {
    held.delete(lock);
    lock.close();
  };
}
