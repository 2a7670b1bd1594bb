/**
 * `npm start`: installs what is missing, then runs the server on the project's own Node.
 *
 * The server lives in a process group of its own, so that every signal reaches it through here and a Ctrl-C, which the
 * terminal sends to everybody and npm sends once more, arrives exactly once. The server notices over the IPC channel
 * when this process is killed, and then stops as well.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { ensureInstalledOrExit, projectNode, root } from './ensure-installed.mjs';
import { serverFlags } from './server-flags.mjs';

// A second signal within this time is the same one by another way (terminal and npm), not an impatient person.
const SAME_SIGNAL_MS = 1_000;
const PARENT_CHECK_MS = 1_000;

await ensureInstalledOrExit();

const onWindows = process.platform === 'win32';
const server = spawn(projectNode, [...serverFlags, join(root, 'server', 'main.mjs'), ...process.argv.slice(2)], {
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  detached: !onWindows,
});

let lastSignalAt = -Infinity;
for (const [signal, forwardedAs] of [
  ['SIGINT', 'SIGINT'],
  ['SIGTERM', 'SIGTERM'],
  // The terminal was closed: that is a stop like any other.
  ['SIGHUP', 'SIGTERM'],
]) {
  process.on(signal, () => {
    const now = performance.now();
    const isRepeat = now - lastSignalAt < SAME_SIGNAL_MS;
    lastSignalAt = now;
    // On Windows the console has told the server already, and kill() would end it without a shutdown.
    if (!isRepeat && !onWindows) server.kill(forwardedAs);
  });
}

if (process.env['npm_lifecycle_event']) {
  // Killed outright, npm tells nobody; this process is then handed to another parent, and stops the server.
  const parent = process.ppid;
  const check = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(check);
    server.kill('SIGTERM');
  }, PARENT_CHECK_MS);
}

server.on('error', (error) => {
  console.error(`finverse: the server could not be started: ${error.message}`);
  process.exit(1);
});
server.on('exit', (code, signal) => {
  process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
});
