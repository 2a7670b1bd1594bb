/**
 * `npm test`: installs what is missing, then every check and every test, cheapest first; the first failure ends it.
 *
 *   npm test                     everything
 *   npm test -- --unit           checks and unit tests, without e2e/
 *   npm test -- <vitest args>    the same with a narrower choice of tests, e.g. `npm test -- shared/src/money -t rounding`
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureInstalledOrExit, projectNode, root } from './ensure-installed.mjs';
import { makeTestFolder } from './test-folder.mjs';

await ensureInstalledOrExit();

const unitOnly = process.argv.includes('--unit');
const vitestArgs = process.argv.slice(2).filter((argument) => argument !== '--unit');
const startedAt = performance.now();
const testFolder = makeTestFolder();

let running;
let stoppedBy;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stoppedBy = signal;
    running?.kill(signal);
  });
}

const tool = (path) => join(root, 'node_modules', path);

await check('format (prettier)', [tool('prettier/bin/prettier.cjs'), '--check', '--log-level=warn', '.']);
await check('lint (oxlint)', [
  tool('oxlint/bin/oxlint'),
  '--type-aware',
  '--deny-warnings',
  '--report-unused-disable-directives',
]);
await check('types (tsc)', [tool('typescript/bin/tsc'), '-p', 'tsconfig.json']);
await check('unused code (knip)', [tool('knip/bin/knip.js'), '--no-progress']);
await check('dependency rules (dependency-cruiser)', [join(root, 'scripts', 'check-dependency-rules.mjs')]);
await check('client-sdk build', ['--run', 'build'], join(root, 'client-sdk'));

const totals = { passed: 0, failed: 0, skipped: 0 };
await vitest('unit');
if (!unitOnly) await vitest('e2e');
finish();

/** Runs one step on the project's Node, under a heading, and ends the whole run when it fails. */
async function check(title, args, cwd = root) {
  const code = await step(title, args, cwd);
  if (code === 0) return;
  console.error(`\nfinverse: stopped at: ${title}`);
  process.exit(code);
}

async function vitest(project) {
  const title = `${project} tests (vitest)`;
  const report = join(testFolder, `${project}.json`);
  const code = await step(title, [
    tool('vitest/vitest.mjs'),
    'run',
    '--project',
    project,
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...vitestArgs,
  ]);
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

/** Answers the exit code; a tool that a signal ended counts as failed. */
function step(title, args, cwd = root) {
  console.log(`\n== ${title}`);
  const stepStartedAt = performance.now();
  return new Promise((resolve, reject) => {
    running = spawn(projectNode, args, { cwd, env: environment(), stdio: 'inherit' });
    running.on('error', reject);
    running.on('exit', (code, signal) => {
      console.log(`== ${title}: ${code === 0 ? 'ok' : 'FAILED'}, ${seconds(stepStartedAt)} s`);
      if (stoppedBy) process.exit(128 + constants.signals[stoppedBy]);
      resolve(code ?? 128 + (constants.signals[signal] ?? 1));
    });
  });
}

/** The tools and what they start in turn find the project's Node first, whichever way this script was called, and put their files into a folder of this run. */
function environment() {
  const pathName = Object.keys(process.env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  const path = [tool('.bin'), process.env[pathName] ?? ''].join(delimiter);
  return { ...process.env, [pathName]: path, TMPDIR: testFolder };
}

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(1);
}
