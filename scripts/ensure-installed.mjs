/**
 * Installs what the lock file names, and only when something is missing.
 *
 * Runs on any Node from 18 on, before a single dependency is there, so it imports nothing but Node itself.
 * Up to date means: the stamp that the last install left equals the hash of the lock file and of every package.json.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

/** The folder of the repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The Node that the project brings along (the `node` package). */
export const projectNode = join(
  root,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

const NODE_MAJOR_MIN = 20;
const LOCK_POLL_MS = 500;
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const stampFile = join(root, 'node_modules', '.finverse-install');

/**
 * Makes node_modules agree with package-lock.json. Throws an {@link InstallError} whose message tells a person what to do.
 */
export async function ensureInstalled() {
  assertNodeVersion();
  if (isInstalled()) return;
  const unlock = await lockInstall();
  try {
    if (isInstalled()) return;
    await install();
    writeStamp();
  } finally {
    unlock();
  }
}

/** Prints the message of an {@link InstallError} and ends the process with code 1; anything else is thrown on. */
export async function ensureInstalledOrExit() {
  try {
    await ensureInstalled();
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    console.error(`\nfinverse: ${error.message}`);
    process.exit(1);
  }
}

class InstallError extends Error {}

function assertNodeVersion() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return;
  throw new InstallError(
    `Node ${NODE_MAJOR_MIN} or newer is needed to install FinVerse; this is ${process.version}. ` +
      'Install a newer Node (the server itself then runs on the Node 24 that npm brings along).',
  );
}

function isInstalled() {
  if (!existsSync(projectNode)) return false;
  if (readOptional(stampFile) === fingerprint()) return true;
  // Somebody installed by hand: believe npm's own record of it rather than installing everything again.
  if (!recordAgrees()) return false;
  writeStamp();
  return true;
}

/** The hash of all that decides what belongs into node_modules. */
function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\0`);
  for (const file of ['package-lock.json', ...packageFolders().map(manifestOf)]) {
    hash
      .update(`${file}\0`)
      .update(readOptional(join(root, file)) ?? '')
      .update('\0');
  }
  return hash.digest('hex');
}

/** The root (an empty name, as in the lock file) and the workspaces. */
function packageFolders() {
  return ['', ...JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).workspaces];
}

function manifestOf(folder) {
  return join(folder, 'package.json');
}

const DEPENDENCY_FIELDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];

/** Whether manifests, lock file and what npm noted in node_modules say the same. */
function recordAgrees() {
  const record = readOptional(join(root, 'node_modules', '.package-lock.json'));
  const lock = readOptional(join(root, 'package-lock.json'));
  if (record === undefined || lock === undefined) return false;
  const wanted = JSON.parse(lock).packages;
  const installed = JSON.parse(record).packages;
  const isLocked = (folder) => {
    const manifest = JSON.parse(readFileSync(join(root, manifestOf(folder)), 'utf8'));
    return DEPENDENCY_FIELDS.every((field) => isDeepStrictEqual(manifest[field] ?? {}, wanted[folder]?.[field] ?? {}));
  };
  const isThere = ([path, entry]) => installed[path]?.version === entry.version && existsSync(join(root, path));
  return (
    packageFolders().every(isLocked) &&
    Object.entries(wanted)
      .filter(([path, entry]) => path.includes('node_modules/') && !entry.optional && !entry.peer)
      .every(isThere)
  );
}

function writeStamp() {
  writeFileSync(stampFile, fingerprint());
}

function readOptional(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function install() {
  const startedAt = Date.now();
  console.log('Installing dependencies (npm ci; once, and again when package-lock.json changes)');
  const ticker = setInterval(() => console.log(`  … ${secondsSince(startedAt)} s`), 10_000);
  ticker.unref();
  try {
    // No package's install script is wanted except the one that fetches Node itself. An npm that knows `allowScripts`
    // would leave the others out anyway; an older one would try to compile SQLite, which has its binary in the package.
    await npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
    await npm(['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error']);
  } finally {
    clearInterval(ticker);
  }
  if (!existsSync(projectNode)) {
    throw new InstallError(
      `The project's own Node did not arrive at ${projectNode}. Is there a "node" package for ${process.platform}-${process.arch}?`,
    );
  }
  console.log(`Dependencies installed in ${secondsSince(startedAt)} s`);
}

function secondsSince(startedAt) {
  return ((Date.now() - startedAt) / 1000).toFixed(1);
}

function npm(args) {
  return new Promise((resolve, reject) => {
    let output = '';
    let stoppedBy;
    const child = spawn('npm', args, {
      cwd: root,
      env: environmentForNpm(),
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    const show = (chunk) => {
      process.stdout.write(chunk);
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', show);
    child.stderr.on('data', show);
    child.on('error', (error) => {
      reject(
        error.code === 'ENOENT'
          ? new InstallError('npm is not on the PATH. It comes with Node: install Node 20 or newer together with npm.')
          : error,
      );
    });
    const stop = (signal) => {
      stoppedBy = signal;
      child.kill('SIGTERM');
    };
    for (const signal of STOP_SIGNALS) process.on(signal, stop);
    child.on('close', (code, signal) => {
      for (const name of STOP_SIGNALS) process.off(name, stop);
      if (stoppedBy)
        return reject(new InstallError('stopped while installing; the next run starts the installation again.'));
      if (code === 0) return resolve();
      reject(new InstallError(explain(`npm ${args[0]}`, code ?? signal, output)));
    });
  });
}

/** Without the settings that an outer `npm start` hands down, and without the project's Node, which `npm ci` replaces. */
function environmentForNpm() {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^npm_(lifecycle|package|command|execpath|node_execpath)/.test(name)) delete env[name];
  }
  const ownFolders = [join(root, 'node_modules', '.bin'), join(root, 'node_modules', 'node', 'bin')];
  const pathName = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  env[pathName] = (env[pathName] ?? '')
    .split(delimiter)
    .filter((folder) => !ownFolders.includes(folder))
    .join(delimiter);
  return env;
}

const EXPLANATIONS = [
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|ERR_SOCKET_TIMEOUT|network/i,
    'the package registry cannot be reached. Check the network connection, and `npm config get registry` and `proxy` where one is in use; then run the command again.',
  ],
  [/ENOSPC/, 'the disk is full. About 1 GB is needed; free some and run the command again.'],
  [
    /EACCES|EPERM/,
    'this user may not write here. Make the folder yours (it may hold files that root installed) and run the command again.',
  ],
  [
    /can only install packages when|Missing: .* from lock file|EUSAGE/,
    'package.json and package-lock.json disagree. Run `npm install`, look at the difference, and commit both.',
  ],
  [
    /E40[134]/,
    'the package registry refuses or does not have a package. Check `npm config get registry` and your login there.',
  ],
  [
    /EINTEGRITY/,
    'a package is not what the lock file says it is. Run `npm cache clean --force` and try again; if it stays so, do not install it.',
  ],
];

function explain(command, how, output) {
  const reason = EXPLANATIONS.find(([pattern]) => pattern.test(output))?.[1] ?? 'see what npm printed above.';
  return `\`${command}\` failed (${how}): ${reason}`;
}

/** Two starts in a fresh clone must not install into the same folder at once. Answers the function that unlocks. */
async function lockInstall() {
  const name = createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `finverse-install-${name}`);
  const owner = join(folder, 'pid');
  for (let waited = 0; ; waited += LOCK_POLL_MS) {
    try {
      mkdirSync(folder);
      writeFileSync(owner, String(process.pid));
      return () => rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (waited === 0) console.log('Another process is installing the dependencies; waiting for it');
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
    if (waited > 0 && !isAlive(Number(readOptional(owner)))) rmSync(folder, { recursive: true, force: true });
  }
}

function isAlive(pid) {
  if (!pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await ensureInstalledOrExit();
}
