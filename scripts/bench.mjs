/**
 * `npm run bench`: installs what is missing, then measures on the project's Node. Takes some eight minutes, most of them for making chains.
 *
 *   npm run bench                          everything, with 50,000 events
 *   npm run bench -- --full                the back-fill with 500,000 events as well, the import with 1,000,000 rows
 *   npm run bench -- backfill [options]    one of backfill, latency, idle-cycle, ledger, import; each says its options in bench/<name>.ts
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { ensureInstalledOrExit, projectNode, root } from './ensure-installed.mjs';

const benchmarks = ['backfill', 'latency', 'idle-cycle', 'ledger', 'import'];

const [first, ...rest] = process.argv.slice(2);
const isFull = first === '--full' && rest.length === 0;
if (first !== undefined && !isFull && !benchmarks.includes(first)) {
  console.error(`finverse: no benchmark ${first}; there are ${benchmarks.join(', ')}, and --full for all of them`);
  process.exit(1);
}

await ensureInstalledOrExit();

let running;
let stoppedBy;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stoppedBy = signal;
    running?.kill(signal);
  });
}

if (first !== undefined && !isFull) await measure(first, rest);
else
  for (const name of benchmarks)
    await measure(name, isFull && (name === 'backfill' || name === 'import') ? ['--full'] : []);

/** Runs one benchmark; the first that fails, or that finds a wrong result, ends it all. */
function measure(name, args) {
  console.log(`\n== ${name}`);
  return new Promise((resolve, reject) => {
    running = spawn(projectNode, [join(root, 'bench', `${name}.ts`), ...args], { stdio: 'inherit' });
    running.on('error', reject);
    running.on('exit', (code, signal) => {
      if (stoppedBy) process.exit(128 + constants.signals[stoppedBy]);
      if (code === 0) return resolve();
      console.error(`\nfinverse: the benchmark ${name} failed`);
      process.exit(code ?? 128 + (constants.signals[signal] ?? 1));
    });
  });
}
