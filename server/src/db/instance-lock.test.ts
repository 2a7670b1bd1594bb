import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SettingsError } from '../kernel/errors.ts';
import { lockDataFolder } from './instance-lock.ts';

let folder: string;
let stops: (() => Promise<unknown>)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'finverse-test-'));
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Another process that holds the folder until it is killed. */
async function startHolder() {
  const code = `
    import { lockDataFolder } from ${JSON.stringify(new URL('./instance-lock.ts', import.meta.url).href)};
    lockDataFolder(${JSON.stringify(folder)});
    process.stdout.write('held');
    setInterval(() => undefined, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const kill = () => (child.kill('SIGKILL'), exited);
  stops.push(kill);
  await once(child.stdout, 'data');
  return { kill };
}

test('a second process is refused in one line that says what to do', async () => {
  await startHolder();
  expect(() => lockDataFolder(folder)).toThrow(SettingsError);
  expect(() => lockDataFolder(folder)).toThrow(
    `FINVERSE_DATA_DIR: another FinVerse runs on ${folder}; stop it, or set another folder`,
  );
});

test('a process that was killed leaves no lock behind', async () => {
  const holder = await startHolder();
  await holder.kill();
  let release = () => undefined as void;
  expect(() => (release = lockDataFolder(folder))).not.toThrow();
  release();
});

test('given up, it is free for the next', () => {
  lockDataFolder(folder)();
  const release = lockDataFolder(folder);
  expect(() => lockDataFolder(folder)).toThrow(/another FinVerse/);
  release();
});

test('a folder that does not exist is made; one that cannot be is named', () => {
  lockDataFolder(join(folder, 'a', 'b'))();
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => lockDataFolder(file)).toThrow(`FINVERSE_DATA_DIR: cannot write to ${file}`);
});
