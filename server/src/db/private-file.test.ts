import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { entities } from '../entities.ts';
import { lockSqliteFile } from './instance-lock.ts';
import { openDatabase } from './orm.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'finverse-test-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('the folder, the database, its companions and its lock are for this account alone', async () => {
  const file = join(folder, 'data', 'finverse.sqlite');
  const release = lockSqliteFile(`sqlite:${file}`);
  const database = await openDatabase({ url: `sqlite:${file}`, entities });
  await database.orm.em.fork().execute('create table t (a integer)');
  expect(modeOf(join(folder, 'data'))).toBe('700');
  expect(['', '-wal', '-shm', '.lock'].map((suffix) => modeOf(`${file}${suffix}`))).toEqual(Array(4).fill('600'));
  await database.close();
  release();
});

test('a file that everybody could read is closed to others; what its group may stays', async () => {
  const file = join(folder, 'finverse.sqlite');
  writeFileSync(file, '', { mode: 0o644 });
  const database = await openDatabase({ url: `sqlite:${file}`, entities });
  expect(modeOf(file)).toBe('640');
  await database.close();
});
