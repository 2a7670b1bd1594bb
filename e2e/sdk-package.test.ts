import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { foreignImports } from '../client-sdk/scripts/declarations.ts';
import { bundleForBrowser, publintFaults, typesFaults } from '../client-sdk/scripts/package-checks.ts';
import type * as Client from '../client-sdk/src/index.ts';
import { bootServer, type RunningServer } from '../server/src/boot.ts';
import { parseSettings } from '../server/src/config/settings.ts';
import { createLogger } from '../server/src/kernel/logger.ts';
import { launch } from './support/launch.ts';
import { fencedBlocks } from './support/readme.ts';

const root = join(import.meta.dirname, '..');
const sdk = join(root, 'client-sdk');
const folder = mkdtempSync(join(tmpdir(), 'finverse-package-'));
const installed = join(folder, 'node_modules', '@finverse', 'client');

type Manifest = {
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
};
const manifestOf = (packageDir: string) =>
  JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as Manifest;

let tarball: string;
let packedFiles: string[];
let server: RunningServer;
/** Where the development server of a frontend would stand, as the README sets it up. */
let frontendPort: number;

beforeAll(async () => {
  execFileSync(process.execPath, [join(sdk, 'scripts', 'build.ts')], { stdio: ['ignore', 'ignore', 'inherit'] });
  const npmArgs = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const packed = JSON.parse(execFileSync('npm', npmArgs, { cwd: sdk, encoding: 'utf8' })) as
    Packed | Record<string, Packed[number]>;
  const [pack] = Object.values(packed);
  if (!pack) throw new Error('npm packed nothing');
  tarball = join(folder, pack.filename);
  packedFiles = pack.files.map(({ path }) => path);
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  for (const name of declaredBy(installed)) install(name);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  frontendPort = await freePort();
  const settings = parseSettings({
    PORT: String(await freePort()),
    PUBLIC_URL: `http://localhost:${frontendPort}`,
    FINVERSE_DATA_DIR: join(folder, 'data'),
  });
  server = await bootServer({ settings, log: createLogger({ level: 'silent' }), progress: () => undefined });
});
type Packed = { filename: string; files: { path: string }[] }[];

afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What npm would install with a package. typescript is a peer for its types alone, and the application's own. */
function declaredBy(packageDir: string): string[] {
  const { dependencies, peerDependencies, peerDependenciesMeta } = manifestOf(packageDir);
  return Object.keys({ ...dependencies, ...peerDependencies }).filter(
    (name) => name !== 'typescript' && peerDependenciesMeta?.[name]?.optional !== true,
  );
}

/** Copies a package into the consumer's node_modules, with what it declares in turn: nothing else is reachable from there. */
function install(name: string): void {
  const target = join(folder, 'node_modules', name);
  if (existsSync(target)) return;
  cpSync(join(root, 'node_modules', name), target, { recursive: true });
  for (const dependency of declaredBy(target)) install(dependency);
}

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('the packed package', () => {
  test('holds the four bundles, the manifest, README and the licence of the project, and no more', () => {
    expect(packedFiles.toSorted()).toEqual(
      [
        'LICENSE',
        'README.md',
        'dist/index.cjs',
        'dist/index.d.cts',
        'dist/index.d.mts',
        'dist/index.mjs',
        'package.json',
      ].toSorted(),
    );
    const licenceOf = (packageDir: string) => readFileSync(join(packageDir, 'LICENSE'), 'utf8');
    expect(licenceOf(installed)).toBe(licenceOf(root));
  });

  test('brings tRPC and superjson along, and nothing of the server', () => {
    const names = readdirSync(join(folder, 'node_modules')).flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(folder, 'node_modules', name)).map((inner) => `${name}/${inner}`) : name,
    );
    expect(names.toSorted()).toEqual([
      '@finverse/client',
      '@trpc/client',
      '@trpc/server',
      'copy-anything',
      'superjson',
    ]);
  });

  test('says nothing of the server in its types, save its router', () => {
    const types = readFileSync(join(installed, 'dist', 'index.d.mts'), 'utf8');
    expect(foreignImports(types, ['@trpc/client', '@trpc/server'])).toEqual([]);
    expect(types).not.toMatch(/sessionToken|isLocalOperator|\blimiter|zod|orpc|mikro/i);
  });

  test('has no fault that publint or attw knows of', async () => {
    expect(await publintFaults(installed)).toEqual([]);
    expect(await typesFaults(tarball)).toEqual([]);
  });
});

test('an import that a client could not follow is found in whatever form it is written', () => {
  const text = [
    `import { a } from "@trpc/client";`,
    `import type { B } from '@mikro-orm/core/x';`,
    `export * from 'zod';`,
    `declare const c: import("@orpc/trpc").ORPCMeta;`,
    `import "pino";`,
    `const d = require("express");`,
    `/// <reference types="node" />`,
  ].join('\n');
  expect(foreignImports(text, ['@trpc/client'])).toEqual([
    '@mikro-orm/core',
    '@orpc/trpc',
    'express',
    'node',
    'pino',
    'zod',
  ]);
});

const USE = `
import { createFinverseClient, isFinverseError, type ErrorCode, type LiveEvent, type Position, type RouterOutputs } from '@finverse/client';
const finverse = createFinverseClient({ url: 'http://localhost:8000', token: async () => null });
export async function use(signal: AbortSignal): Promise<void> {
  const status = await finverse.sync.status.query();
  const lag: number | null | undefined = status.vaults[0]?.lagBlocks;
  const page = await finverse.staking.positions.query({ ownerAddress: '0x1', state: 'locked', limit: 5 }, { signal });
  const positions: Position[] = page.items;
  const health: RouterOutputs['sync']['health'] = await finverse.sync.health.query();
  await finverse.sync.start.mutate({ intervalSeconds: 5 });
  await finverse.sync.stop.mutate();
  for await (const event of finverse.sync.live.subscribe()) {
    const live: LiveEvent = event;
    if (event.data.type === 'fact') { const hash: string | null = event.data.fact.txHash; void hash; }
    void live;
  }
  for await (const { id } of finverse.sync.live.subscribe({ lastEventId: '1' }, { signal })) { const text: string = id; void text; }
  try { await finverse.auth.me.query(); } catch (error) {
    if (isFinverseError(error) && error.code === 'NOT_FOUND') { const request: string | null = error.requestId; void request; }
  }
  const code: ErrorCode = 'RATE_LIMITED';
  void [lag, positions, health, code];
}
`;

/** What the README takes for granted: a client, and the application around it. */
const AMBIENT = `
import type * as sdk from '@finverse/client';
declare global {
  const finverse: sdk.FinverseClient;
  const createFinverseClient: typeof sdk.createFinverseClient;
  const isFinverseError: typeof sdk.isFinverseError;
  const uploadImportFile: typeof sdk.uploadImportFile;
  const email: string, password: string, id: string, accountId: string, categoryId: string, today: string;
  const lastEventId: string, ownerAddress: string;
  const file: Blob;
  const input: sdk.NewTransaction;
  const draft: { id: string };
  const store: { get(key: string): string | null; set(key: string, value: string | null): void };
  const form: { setError(path: string, message: string): void };
  function show(...what: unknown[]): void;
  function showApp(user: sdk.User): void;
  function askForTheMailedCode(): void;
  function askForCode(): Promise<string>;
  function readEverythingAgain(): Promise<void>;
  function remember(id: string): Promise<void>;
  function wait(seconds: number): Promise<void>;
  function report(message: string, requestId: string | null): void;
}
`;

type Section = { heading: string; imports: string; code: string };

/** The TypeScript of the SDK's README, the blocks of each section together. */
function sections(): Section[] {
  const byHeading = new Map<string, string[]>();
  for (const { heading, language, text } of fencedBlocks('client-sdk/README.md'))
    if (language === 'ts') byHeading.set(heading, [...(byHeading.get(heading) ?? []), text]);
  return [...byHeading].map(([heading, blocks]) => {
    const lines = blocks.join('\n').split('\n');
    const isImport = (line: string) => line.startsWith('import ');
    return {
      heading,
      imports: lines.filter(isImport).join('\n'),
      code: lines.filter((line) => !isImport(line)).join('\n'),
    };
  });
}

const MISUSE = `
import { createFinverseClient, type ErrorCode } from '@finverse/client';
const finverse = createFinverseClient({ url: 'http://localhost:8000' });
finverse.sync.staus.query();
finverse.staking.positions.query({ ownerAdress: '0x1' });
finverse.staking.positions.query({ limit: '5' });
finverse.sync.user.mutate();
finverse.sync.start.query();
finverse.sync.status.query().then((status) => status.is_running);
export const code: ErrorCode = 'NOT_A_CODE';
createFinverseClient({});
`;

/** Compiles a file of the consumer, strictly: the declarations of the package and of what it brings along are checked as well. */
function compile(
  compiler: string,
  files: string | readonly string[],
  options: { module: string; moduleResolution: string },
): string {
  const compilerOptions = {
    ...options,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable', 'dom', 'dom.iterable', 'dom.asynciterable'],
    types: [],
  };
  const project = write('tsconfig.json', JSON.stringify({ compilerOptions, files: [files].flat() }));
  try {
    const args = [join(root, 'node_modules', compiler, 'bin', 'tsc'), '-p', project];
    return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe('types', () => {
  test.each([
    ['typescript', 'nodenext', 'use.mts'],
    ['typescript', 'nodenext', 'use.cts'],
    ['typescript', 'bundler', 'use.ts'],
    ['typescript6', 'nodenext', 'use.mts'],
  ])('calls of all kinds compile (%s, %s, %s)', (compiler, moduleResolution, name) => {
    const module = moduleResolution === 'bundler' ? 'esnext' : 'nodenext';
    expect(compile(compiler, write(name, USE), { module, moduleResolution })).toBe('');
  });

  test('all that the README shows compiles, section by section', () => {
    const files = sections().map(({ heading, imports, code }, index) => {
      const header = `// ${heading}\n${imports}\nimport './ambient.d.mts';\n`;
      return write(`section-${index}.mts`, `${header}export async function shown() {\n${code}\n}\n`);
    });
    expect(files.length).toBeGreaterThan(10);
    const [, types = ''] = readFileSync(join(sdk, 'README.md'), 'utf8').split('## Types');
    const names = [...types.matchAll(/`([A-Z]\w+)`/g)].map(([, name]) => name);
    expect(names).toContain('Transaction');
    const named = write('names.mts', `export type { ${names.join(', ')} } from '@finverse/client';\n`);
    const options = { module: 'nodenext', moduleResolution: 'nodenext' };
    expect(compile('typescript', [write('ambient.d.mts', AMBIENT), named, ...files], options)).toBe('');
  });

  test('a misspelt procedure, field or code and a wrong type do not', () => {
    const options = { module: 'nodenext', moduleResolution: 'nodenext' };
    const output = compile('typescript', write('misuse.mts', MISUSE), options);
    const lines = Array.from(output.matchAll(/^misuse\.mts\((\d+),/gm), ([, line]) => Number(line));
    expect([...new Set(lines)].toSorted((a, b) => a - b)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  });
});

const PROGRAM = `
async function main() {
  const finverse = createFinverseClient({ url: process.argv[2] });
  const status = await finverse.sync.status.query();
  const session = await finverse.auth.login.mutate({ email: process.argv[3], password: process.argv[4] });
  const me = await finverse.auth.me.query();
  const error = await finverse.staking.position.query({ id: 'none' }).catch((thrown) => thrown);
  let live;
  for await (const event of finverse.sync.live.subscribe({ lastEventId: '0' })) { live = event.data.type; break; }
  console.log(JSON.stringify({
    vaults: status.vaults.length, same: me.id === session.user.id, code: isFinverseError(error) && error.code, live,
  }));
}
main();
`;

/** The Nodes of this machine: the project's own, and others that the PATH leads to. */
function nodesOfMachine(): [version: string, path: string][] {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'node'));
  const versions = new Map<string, string>();
  for (const path of [process.execPath, ...paths, '/usr/bin/node']) {
    if (!existsSync(path)) continue;
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).trim();
    if (!versions.has(version)) versions.set(version, path);
  }
  return [...versions].filter(([version]) => Number(version.slice(1).split('.')[0]) >= 20);
}

test.each(nodesOfMachine())('it runs on Node %s, as an ES module and as CommonJS', async (_version, node) => {
  const module = write(
    'program.mjs',
    `import { createFinverseClient, isFinverseError } from '@finverse/client';${PROGRAM}`,
  );
  const script = write(
    'program.cjs',
    `const { createFinverseClient, isFinverseError } = require('@finverse/client');${PROGRAM}`,
  );
  const demo = server.describe.demo!;
  for (const program of [[module], ['--no-experimental-require-module', script]]) {
    const output = await run(node, [...program, server.url, demo.email, demo.password]);
    expect(JSON.parse(output)).toEqual({
      vaults: 1,
      same: true,
      code: 'NOT_FOUND',
      live: expect.any(String) as string,
    });
  }
});

test('what the README shows of the ledger does what it says, on a real server', async () => {
  const shown = ['Accounts and transactions', 'Files', 'Rules and recurring transactions', 'Reconciliation'];
  const ledger = sections().filter(({ heading }) => shown.includes(heading));
  expect(ledger.map(({ heading }) => heading)).toEqual(shown);
  const program = `
    import { createFinverseClient, isFinverseError, uploadImportFile } from '@finverse/client';
    const finverse = createFinverseClient({ url: process.argv[2] });
    await finverse.auth.register.mutate({ email: 'reader@example.com', password: 'violet harbour lantern' });
    const giro = { name: 'Giro', type: 'wallet', currency: 'EUR', openingBalance: '100', openedOn: '2026-02-01' };
    const accountId = (await finverse.accounts.create.mutate(giro)).id;
    const categoryId = (await finverse.categories.create.mutate({ name: 'Bread', kind: 'expense' })).id;
    const file = new Blob(['date,payee,amount\\n04/02/2026,Baker,-3.20\\n13/02/2026,Acme,1250\\n14/02/2026,Cinema,many\\n']);
    const today = new Date().toISOString().slice(0, 10);
    const shown = [];
    const show = (...what) => shown.push(what.join(' '));
    ${ledger.map(({ imports, code }) => `${imports}\nawait (async () => {\n${code}\n})();`).join('\n')}
    const { items: imports } = await finverse.imports.list.query({});
    const { items: transactions } = await finverse.transactions.list.query({ accountId, to: '2026-02-28' });
    const { items: finished } = await finverse.reconciliations.list.query({ status: 'finished' });
    const { isSound } = await finverse.integrity.check.query();
    console.log(JSON.stringify({
      shown,
      imports: imports.map(({ status, created, faulty }) => [status, created, faulty]),
      bread: transactions.filter((each) => each.categoryId === categoryId).map(({ payee, tags }) => [payee, tags]),
      states: transactions.map(({ cleared }) => cleared), finished: finished.length, isSound,
    }));
  `;
  const output = await run(process.execPath, [write('readme.mts', program), server.url]);
  const { shown: lines, ...rest } = JSON.parse(output) as { shown: string[] };
  expect(rest).toEqual({
    imports: [
      ['completed', 2, 1],
      ['cancelled', 0, 0],
    ],
    bread: [['Baker', ['bread']]],
    states: ['reconciled', 'reconciled', 'reconciled'],
    finished: 1,
    isSound: true,
  });
  expect(lines).toEqual(
    expect.arrayContaining([
      '2026-02-03 Corner shop -12.50000000 EUR 87.50000000',
      expect.stringMatching(/^4 amount /),
      expect.stringMatching(/^completed 1$/),
      '0.00000000',
    ]),
  );
});

test('a frontend behind the development server of the README signs in, changes and follows, by its cookie', async () => {
  const config = fencedBlocks('client-sdk/README.md').find(({ text }) => text.startsWith('// vite.config.js'));
  write('vite.config.js', (config?.text ?? '').replace('http://localhost:8000', server.url));
  const vite = launch(process.execPath, {
    args: [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), '--strictPort', '--port', String(frontendPort)],
    cwd: folder,
  });
  onTestFinished(async () => {
    vite.send('SIGTERM');
    await vite.exited;
  });
  await vite.printed(/Local:/);
  const page = `http://localhost:${frontendPort}`;
  const ofPage = (origin: string, site: string) => ({ origin, 'sec-fetch-site': site });
  const { createFinverseClient } = (await import(join(installed, 'dist', 'index.mjs'))) as typeof Client;

  let cookie = '';
  const browser = createFinverseClient({
    url: page,
    // As a browser has it: no token, the cookie that was set.
    token: () => null,
    headers: () => ({ ...ofPage(page, 'same-origin'), ...(cookie === '' ? {} : { cookie }) }),
    fetch: async (url, init) => {
      const response = await globalThis.fetch(url, init);
      cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
      return response;
    },
  });
  const { email, password } = server.describe.demo!;
  const { user } = await browser.auth.login.mutate({ email, password });
  expect((await browser.auth.me.query()).id).toBe(user.id);
  expect(await browser.users.update.mutate({ baseCurrency: 'EUR' })).toMatchObject({ baseCurrency: 'EUR' });
  for await (const { id } of browser.sync.live.subscribe({ lastEventId: '0' })) {
    expect(id).toMatch(/^\d+$/);
    break;
  }
  const foreign = createFinverseClient({ url: server.url, headers: ofPage('http://localhost:1', 'same-site') });
  await expect(foreign.auth.login.mutate({ email, password })).rejects.toMatchObject({ code: 'ORIGIN_REFUSED' });
});

/** Not synchronous: the server that the program talks to lives in this process. */
function run(file: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd: folder, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stderr}`));
      else resolve(stdout);
    });
  });
}

test('a browser bundle is small, and needs nothing that a browser lacks', async () => {
  const entry = write('browser.mjs', `export { createFinverseClient, isFinverseError } from '@finverse/client';`);
  const { code, gzippedBytes, missing } = await bundleForBrowser(entry);
  console.log(
    `@finverse/client in a browser: ${(code.length / 1000).toFixed(1)} kB, ${(gzippedBytes / 1000).toFixed(1)} kB gzipped`,
  );
  expect(missing).toEqual([]);
  expect(code).not.toMatch(/\bprocess\.(?!env\.NODE_ENV)|node:/);
  expect(gzippedBytes).toBeLessThan(20_000);
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
