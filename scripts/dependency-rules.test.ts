import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = dirname(import.meta.dirname);
const require = createRequire(import.meta.url);
const { forbidden } = require('../.dependency-cruiser.cjs') as { forbidden: { name: string }[] };

/** A small house that keeps every rule. */
const HOUSE: Record<string, string> = {
  'shared/src/index.ts': `export { z } from 'zod';\nexport const shared = 1;`,
  'server/src/kernel/clock.ts': `export const now = () => Date.now();\nexport const dice = () => Math.random();`,
  'server/src/config/index.ts': `export const port = process.env['PORT'];`,
  'server/src/db/index.ts': `export { now as db } from '../kernel/clock.ts';`,
  'server/src/trpc/index.ts': `export { db as trpc } from '../db/index.ts';`,
  'server/src/domains/goals/index.ts': `export { goals } from './goals.service.ts';`,
  'server/src/domains/goals/goals.service.ts': `export const goals = new Date(0);`,
  'server/src/domains/budgets/index.ts': `export { goals as budgets } from '../goals/index.ts';`,
  'server/src/domains/analytics/index.ts': `export { budgets as analytics } from '../budgets/index.ts';`,
  'server/src/domains/dashboard/index.ts': `export { budgets as dashboard } from '../budgets/index.ts';`,
  'server/src/sync/index.ts': `export { parseAbi } from 'viem';`,
  'server/src/devchain/index.ts': `export { createClient } from 'viem';`,
  'server/src/router.ts': `export { analytics } from './domains/analytics/index.ts';\nexport type Router = number;`,
  'server/src/http/index.ts': `export { analytics } from '../router.ts';`,
  'server/src/app.ts': `export { analytics } from './http/index.ts';`,
  'server/src/main.ts': `import './app.ts';`,
  'client-sdk/src/index.ts': `import type { Router } from '../../server/src/router.ts';\nexport type R = Router;`,
  'web/src/main.ts': `export type { R } from '../../client-sdk/src/index.ts';`,
  'e2e/chain.ts': `export { http } from 'viem';`,
};

/** What breaks which import rule: the rule, the file that breaks it, and how. */
const IMPORT_VIOLATIONS: [rule: string, file: string, source: string][] = [
  ['no-cycles', 'server/src/sync/a.ts', `import type { B } from './b.ts';\nexport type A = B;`],
  ['everything-resolves', 'server/src/http/nowhere.ts', `import './there.ts';`],
  ['tests-are-leaves', 'server/src/http/leaf.ts', `export { helper } from './some.test.ts';`],
  ['shared-imports-what-browsers-load', 'shared/src/node.ts', `import 'node:fs';`],
  ['tests-are-leaves', 'server/src/http/fake.ts', `export { fake } from './test-fakes.ts';`],
  [
    'shared-imports-what-browsers-load',
    'shared/src/package.ts',
    `import type { Express } from 'express';\nexport type E = Express;`,
  ],
  [
    'shared-imports-what-browsers-load',
    'shared/src/server.ts',
    `import type { Router } from '../../server/src/router.ts';\nexport type R = Router;`,
  ],
  ['kernel-imports-nothing-of-the-server', 'server/src/kernel/bad.ts', `import '../config/index.ts';`],
  ['config-imports-kernel-alone', 'server/src/config/bad.ts', `import '../db/index.ts';`],
  ['db-below-trpc', 'server/src/db/bad.ts', `export type { goals } from '../domains/goals/index.ts';`],
  ['trpc-below-domains', 'server/src/trpc/bad.ts', `import '../domains/goals/index.ts';`],
  [
    'domains-below-router',
    'server/src/domains/goals/bad-router.ts',
    `const r = await import('../../router.ts');\nexport { r };`,
  ],
  ['router-below-main', 'server/src/trpc/router.ts', `import '../http/index.ts';`],
  ['nobody-imports-main', 'server/src/http/bad.ts', `import '../main.ts';`],
  ['domains-through-their-index', 'server/src/domains/budgets/bad.ts', `import '../goals/goals.service.ts';`],
  ['readers-are-read-by-none', 'server/src/domains/goals/bad-reader.ts', `import '../analytics/index.ts';`],
  ['readers-are-read-by-none', 'server/src/domains/dashboard/bad.ts', `import '../analytics/index.ts';`],
  ['sync-knows-no-domain', 'server/src/sync/bad.ts', `export type { goals } from '../domains/goals/index.ts';`],
  ['devchain-knows-no-domain', 'server/src/devchain/bad.ts', `import '../domains/goals/index.ts';`],
  [
    'viem-stays-at-the-chain',
    'server/src/domains/goals/bad-viem.ts',
    `import type { Hex } from 'viem';\nexport type H = Hex;`,
  ],
  [
    'viem-stays-at-the-chain',
    'client-sdk/src/viem.ts',
    `import { privateKeyToAccount } from 'viem/accounts';\nexport { privateKeyToAccount };`,
  ],
  ['server-imports-no-client', 'server/src/http/bad-client.ts', `import '../../../client-sdk/src/index.ts';`],
  ['sdk-takes-types-alone-from-the-server', 'client-sdk/src/value.ts', `import '../../server/src/router.ts';`],
  [
    'sdk-takes-the-router-alone-from-the-server',
    'client-sdk/src/deep.ts',
    `import type { db } from '../../server/src/db/index.ts';\nexport type D = typeof db;`,
  ],
  ['sdk-runs-in-browsers', 'client-sdk/src/node.ts', `import 'node:crypto';`],
  ['web-is-built-on-the-sdk-alone', 'web/src/bad-shared.ts', `import '../../shared/src/index.ts';`],
  ['web-is-built-on-the-sdk-alone', 'web/src/bad-deep.ts', `import '../../client-sdk/src/value.ts';`],
];

/** The same for the rules about globals. */
const GLOBAL_VIOLATIONS: [rule: string, file: string, source: string][] = [
  ['ambient-clock', 'server/src/sync/date-now.ts', `export const t = Date.now();`],
  ['ambient-clock', 'server/src/sync/new-date.ts', `export const t = new Date();`],
  ['ambient-clock', 'server/src/domains/goals/performance.ts', `export const t = performance.now();`],
  ['ambient-clock', 'shared/src/hrtime.ts', `export const t = process.hrtime.bigint();`],
  ['ambient-clock', 'server/src/config/clock.ts', `export const t = new Date();`],
  ['ambient-randomness', 'server/src/db/math.ts', `const { random } = Math;\nexport const r = random();`],
  [
    'ambient-randomness',
    'server/src/db/named.ts',
    `import { randomUUID } from 'node:crypto';\nexport const r = randomUUID();`,
  ],
  [
    'ambient-randomness',
    'server/src/db/namespace.ts',
    `import * as c from 'crypto';\nexport const r = c.randomBytes(8);`,
  ],
  ['ambient-randomness', 'server/src/http/web.ts', `export const r = globalThis.crypto.randomUUID();`],
  ['ambient-environment', 'server/src/main-env.ts', `export const e = process.env['HOME'];`],
  ['ambient-environment', 'server/src/kernel/env.ts', `import { env } from 'node:process';\nexport const e = env;`],
];

const house = mkdtempSync(join(tmpdir(), 'finverse-rules-'));
afterAll(() => rmSync(house, { recursive: true, force: true }));

function place(files: Record<string, string>): void {
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(house, path)), { recursive: true });
    writeFileSync(join(house, path), `${source}\n`);
  }
}

function sourcesOf(violations: [string, string, string][]): Record<string, string> {
  return Object.fromEntries(violations.map(([, file, source]) => [file, source]));
}

function checkImports() {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'scripts', 'check-dependency-rules.mjs'), house],
    { encoding: 'utf8' },
  );
  return { status, found: stdout + stderr };
}

function checkGlobals() {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'node_modules', 'oxlint', 'bin', 'oxlint'), '-f', 'unix', 'server', 'shared', 'client-sdk'],
    { cwd: house, encoding: 'utf8' },
  );
  return { status, found: stdout.split('\n').filter((line) => line.includes('house(')) };
}

describe('the dependency rules', () => {
  let sound: { imports: ReturnType<typeof checkImports>; globals: ReturnType<typeof checkGlobals> };
  let broken: typeof sound;

  beforeAll(() => {
    symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'), 'dir');
    cpSync(join(root, '.oxlintrc.json'), join(house, '.oxlintrc.json'));
    cpSync(join(root, 'scripts', 'oxlint-house-rules.mjs'), join(house, 'scripts', 'oxlint-house-rules.mjs'));
    place(HOUSE);
    sound = { imports: checkImports(), globals: checkGlobals() };
    place({
      'server/src/sync/b.ts': `import type { A } from './a.ts';\nexport type B = A;`,
      'server/src/http/test-fakes.ts': `export const fake = 1;`,
      'server/src/http/some.test.ts': `export const helper = Date.now();`,
      ...sourcesOf(IMPORT_VIOLATIONS),
      ...sourcesOf(GLOBAL_VIOLATIONS),
    });
    broken = { imports: checkImports(), globals: checkGlobals() };
  });

  it('let a house that keeps them pass', () => {
    expect(sound.imports).toEqual({ status: 0, found: expect.stringContaining(' 0 violations') });
    expect(sound.globals.found).toEqual([]);
  });

  it('fail the run of a house that breaks them', () => {
    expect(broken.imports.status).toBe(1);
    expect(broken.globals.status).toBe(1);
  });

  it.each(IMPORT_VIOLATIONS)('%s catches %s', (rule, file) => {
    expect(broken.imports.found).toContain(`${rule}: ${file} → `);
  });

  it.each(GLOBAL_VIOLATIONS)('%s catches %s', (rule, file) => {
    expect(broken.globals.found.filter((line) => line.startsWith(`${file}:`)).join('\n')).toContain(`house(${rule})`);
  });

  it('leave tests alone', () => {
    expect(broken.globals.found.filter((line) => line.startsWith('server/src/http/some.test.ts'))).toEqual([]);
  });

  it('are all proved here', () => {
    const proved = new Set(IMPORT_VIOLATIONS.map(([rule]) => rule));
    expect(forbidden.map((rule) => rule.name).filter((name) => !proved.has(name))).toEqual([]);
  });
});
