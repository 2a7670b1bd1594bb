/**
 * `npm test`: installs what is missing, then every check, two at a time, and every test; the first failure ends it.
 *
 *   npm test                     everything
 *   npm test -- --unit           checks and unit tests, without e2e/
 *   npm test -- <vitest args>    the same with a narrower choice of tests, e.g. `npm test -- shared/src/money -t rounding`
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureInstalledOrExit, projectNode, root } from './ensure-installed.mjs';
import { makeTestFolder } from './test-folder.mjs';

/** Checks that run at once. Most of them use one core, and each takes up to a gigabyte. */
const LANES_MAX = 2;

await ensureInstalledOrExit();

const unitOnly = process.argv.includes('--unit');
const vitestArgs = process.argv.slice(2).filter((argument) => argument !== '--unit');
const startedAt = performance.now();
const testFolder = makeTestFolder();

const running = new Set();
let stoppedBy;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stoppedBy = signal;
    for (const child of running) child.kill(signal);
  });
}

const tool = (path) => join(root, 'node_modules', path);

// The longest first. Several type checkers would each look at the same libraries, and programs in Go collect garbage more often than they need to here.
const go = { GOGC: '400' };
await checkSideBySide([
  { title: 'format (prettier)', args: [tool('prettier/bin/prettier.cjs'), '--check', '--log-level=warn', '.'] },
  {
    title: 'lint (oxlint)',
    args: [tool('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings', '--report-unused-disable-directives'],
    env: go,
  },
  { title: 'client-sdk build', args: ['--run', 'build'], cwd: join(root, 'client-sdk'), env: go },
  { title: 'types (tsc)', args: [tool('typescript/bin/tsc'), '-p', 'tsconfig.json', '--checkers', '1'], env: go },
  { title: 'dependency rules (dependency-cruiser)', args: [join(root, 'scripts', 'check-dependency-rules.mjs')] },
  { title: 'unused code (knip)', args: [tool('knip/bin/knip.js'), '--no-progress'] },
]);

const totals = { passed: 0, failed: 0, skipped: 0 };
await vitest('unit');
if (!unitOnly) await vitest('e2e');
finish();

/** Runs the steps on the project's Node, two at a time, each told in one piece when it has ended; the first that fails ends the whole run. */
async function checkSideBySide(steps) {
  const waiting = [...steps];
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const code = await step({ ...next, isHeld: true });
      if (code === 0) continue;
      console.error(`\nfinverse: stopped at: ${next.title}`);
      for (const child of running) child.kill('SIGTERM');
      process.exit(code);
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES_MAX, availableParallelism()) }, lane));
}

async function vitest(project) {
  const title = `${project} tests (vitest)`;
  const report = join(testFolder, `${project}.json`);
  console.log(`\n== ${title}`);
  const args = [
    tool('vitest/vitest.mjs'),
    'run',
    '--project',
    project,
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...vitestArgs,
  ];
  // What a test starts loads the same modules as the one before: compiled, they are kept where the server keeps its own.
  const code = await step({ title, args, env: { NODE_COMPILE_CACHE: tool('.cache/compile') } });
  if (existsSync(report)) count(JSON.parse(readFileSync(report, 'utf8')));
  if (code === 0) return;
  // An error outside any test (a rejected promise nobody awaits) fails the run as well; never say "0 failed" then.
  totals.failed = Math.max(totals.failed, 1);
  console.error(`\nfinverse: stopped at: ${title}`);
  printTotals();
  process.exit(code);
}

function count(report) {
  totals.passed += report.numPassedTests;
  totals.failed += report.numFailedTests;
  totals.skipped += report.numPendingTests + report.numTodoTests;
  // A file that cannot even be loaded has no tests to fail: it counts as one.
  totals.failed += report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
}

function finish() {
  const executed = totals.passed + totals.failed;
  console.log(`\nAll of it took ${seconds(startedAt)} s`);
  if (executed === 0) console.error('finverse: not a single test was executed; that counts as a failure');
  printTotals();
  process.exit(executed === 0 || totals.failed > 0 ? 1 : 0);
}

/** CI looks for this line: keep its form. */
function printTotals() {
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
  console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
}

/** Answers the exit code; a tool that a signal ended counts as failed. What one that is held back prints is shown when it has ended, under a heading. */
function step({ title, args, cwd = root, env = {}, isHeld = false }) {
  const stepStartedAt = performance.now();
  return new Promise((resolve, reject) => {
    const stdio = isHeld ? ['inherit', 'pipe', 'pipe'] : 'inherit';
    const child = spawn(projectNode, args, { cwd, env: { ...environment(isHeld), ...env }, stdio });
    running.add(child);
    const held = [];
    for (const output of [child.stdout, child.stderr]) output?.on('data', (chunk) => held.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      running.delete(child);
      if (isHeld) process.stdout.write(`\n== ${title}\n${Buffer.concat(held).toString()}`);
      console.log(`== ${title}: ${code === 0 ? 'ok' : 'FAILED'}, ${seconds(stepStartedAt)} s`);
      if (stoppedBy) process.exit(128 + constants.signals[stoppedBy]);
      resolve(code ?? 128 + (constants.signals[signal] ?? 1));
    });
  });
}

/**
 * The tools and what they start in turn find the project's Node first, whichever way this script was called, and put their files into a folder of this run.
 * One whose output is held back does not see the terminal, and is told to colour for it.
 */
function environment(isHeld) {
  const pathName = Object.keys(process.env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  const path = [tool('.bin'), process.env[pathName] ?? ''].join(delimiter);
  const colour = isHeld && process.stdout.isTTY && !process.env['NO_COLOR'] ? { FORCE_COLOR: '1' } : {};
  return { ...process.env, ...colour, [pathName]: path, TMPDIR: testFolder };
}

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(1);
}
