/**
 * Checks .dependency-cruiser.cjs against the sources: `node scripts/check-dependency-rules.mjs [folder]`.
 *
 * dependency-cruiser reads TypeScript through the compiler's JS API, which TypeScript 7 does not have: without it every
 * .ts file is passed over in silence and every rule holds. So `typescript` means TypeScript 6 here, for
 * dependency-cruiser alone, and a run that saw no TypeScript fails.
 */
import { existsSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { resolve } from 'node:path';

registerHooks({
  resolve(specifier, context, nextResolve) {
    const isTypeScript = /^typescript(?=$|\/)/.test(specifier);
    if (!isTypeScript || !context.parentURL?.includes('/dependency-cruiser/')) return nextResolve(specifier, context);
    return nextResolve(specifier.replace('typescript', 'typescript6'), context);
  },
});
const { cruise } = await import('dependency-cruiser');

const configuration = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
const folder = resolve(process.argv[2] ?? '.');
process.chdir(folder);
const sources = [
  'shared/src',
  'server/src',
  'client-sdk/src',
  'web/src',
  'contracts',
  'migrations',
  'e2e',
  'bench',
  'scripts',
];

const { output } = await cruise(
  sources.filter((path) => existsSync(path)),
  { ...configuration.options, ruleSet: { forbidden: configuration.forbidden }, validate: true },
);
const { violations } = output.summary;
for (const { rule, from, to, cycle, comment } of violations) {
  const route = cycle ? [from, ...cycle.map((step) => step.name)].join(' → ') : `${from} → ${to}`;
  console.error(`${rule.name}: ${route}\n    ${comment ?? commentOf(rule.name)}`);
}

const files = output.modules.filter(
  (module) => module.source.endsWith('.ts') && !module.source.includes('node_modules'),
);
const arrows = files.reduce((sum, file) => sum + file.dependencies.length, 0);
console.log(`${files.length} TypeScript files, ${arrows} imports, ${violations.length} violations`);
if (arrows === 0) console.error('Not a single import was read: the check is blind, so it fails.');
process.exitCode = violations.length > 0 || arrows === 0 ? 1 : 0;

function commentOf(name) {
  return configuration.forbidden.find((rule) => rule.name === name)?.comment ?? '';
}
