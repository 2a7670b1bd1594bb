/**
 * `npm run build -w client-sdk`: makes dist/, from a clean checkout.
 *
 * The types come from the server's router, without the server: the compiler writes the declarations of everything that the router's type leads to, the
 * ones of no use to a client are emptied, and the rest is bundled into one file, which may name nothing but this package's own dependencies.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { BuildError } from './build-error.ts';
import { bundleCjs, bundleDeclarations, bundleEsm } from './bundle.ts';
import { emitDeclarations, eraseServerTypes, foreignImports, IMPORTABLE_BY_TYPES } from './declarations.ts';

const packageDir = join(import.meta.dirname, '..');
const outDir = join(packageDir, 'dist');
const typesDir = mkdtempSync(join(tmpdir(), 'finverse-types-'));

/** What the bundles may import: nothing of the workspace, nothing of Node. */
const IMPORTABLE = {
  'index.mjs': ['@trpc/client', '@trpc/server', 'superjson'],
  'index.cjs': ['@trpc/client', '@trpc/server'],
};

try {
  rmSync(outDir, { recursive: true, force: true });
  await step('declarations of the router', () => emitDeclarations({ packageDir, outDir: typesDir }));
  await step('types without the server', async () => {
    eraseServerTypes(typesDir);
    const bundled = join(typesDir, 'bundled');
    await bundleDeclarations({
      packageDir,
      outDir: bundled,
      entry: join(typesDir, 'client-sdk', 'src', 'index.d.ts'),
    });
    mkdirSync(outDir, { recursive: true });
    for (const name of ['index.d.mts', 'index.d.cts']) copyFileSync(join(bundled, 'index.d.ts'), join(outDir, name));
    refuseForeignImports('index.d.mts', IMPORTABLE_BY_TYPES);
  });
  await step('ES module', () => bundleEsm({ packageDir, outDir }));
  await step('CommonJS', () => bundleCjs({ packageDir, outDir }));
  for (const [file, allowed] of Object.entries(IMPORTABLE)) refuseForeignImports(file, allowed);
  for (const file of ['index.mjs', 'index.cjs', 'index.d.mts'])
    console.log(`  dist/${file.padEnd(12)} ${sizeOf(file)}`);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`client-sdk: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(typesDir, { recursive: true, force: true });
}

async function step(title: string, work: () => Promise<void> | void): Promise<void> {
  const startedAt = performance.now();
  console.log(`client-sdk: ${title} …`);
  await work();
  console.log(`client-sdk: ${title}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

function refuseForeignImports(file: string, allowed: readonly string[]): void {
  const foreign = foreignImports(readFileSync(join(outDir, file), 'utf8'), allowed);
  if (foreign.length === 0) return;
  rmSync(outDir, { recursive: true, force: true });
  throw new BuildError(`dist/${file} imports ${foreign.join(', ')}, and may import ${allowed.join(', ')} alone`);
}

function sizeOf(file: string): string {
  const path = join(outDir, file);
  const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
  return `${kilobytes(statSync(path).size)}, ${kilobytes(gzipSync(readFileSync(path)).byteLength)} gzipped`;
}
