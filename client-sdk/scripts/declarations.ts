import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { createRequire } from 'node:module';
import { BuildError } from './build-error.ts';

/** Packages that the published types may name: what npm installs with this package. */
export const IMPORTABLE_BY_TYPES: readonly string[] = ['@trpc/client', '@trpc/server'];

/** What the server's types lead to without a client having any use for it, and what stands there in the published types. */
const ERASED = {
  'server/src/trpc/context.d.ts': { name: 'Context', text: 'export type Context = object;\n' },
  'server/src/trpc/init.d.ts': { name: 'ProcedureMeta', text: 'export type ProcedureMeta = object;\n' },
};

/** Where the workspace's packages stand among the emitted declarations. */
const WORKSPACE_PACKAGES: Record<string, string> = {
  '@finverse/server/router': 'server/src/router.d.ts',
  '@finverse/shared': 'shared/src/index.d.ts',
};

/** Has the compiler write the declarations of the SDK, and of all of the server that its router's type leads to, into `outDir`. */
export function emitDeclarations(options: { packageDir: string; outDir: string }): void {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const project = join(options.packageDir, 'tsconfig.types.json');
  // Several type checkers would each look at the same libraries.
  const args = [compiler, '-p', project, '--outDir', options.outDir, '--checkers', '1'];
  const { status, error } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (error) throw new BuildError(`the TypeScript compiler could not be started: ${error.message}`);
  if (status !== 0) throw new BuildError('the types of the SDK or of the server do not compile; see above');
}

/**
 * Prepares the emitted declarations for bundling: empties the ones that a client has no use for, and lets every import name the file that it means.
 *
 * @throws BuildError where what is to be emptied has moved: silently publishing the server's inner types would be the alternative.
 */
export function eraseServerTypes(outDir: string): void {
  for (const [file, { name, text }] of Object.entries(ERASED)) {
    const path = join(outDir, file);
    if (!existsSync(path) || !new RegExp(`export type ${name}\\b`).test(readFileSync(path, 'utf8'))) {
      throw new BuildError(`${file} does not export the type ${name} any more; tell ERASED in scripts/declarations.ts`);
    }
    writeFileSync(path, text);
  }
  for (const path of readdirSync(outDir, { recursive: true, encoding: 'utf8' })) {
    if (path.endsWith('.d.ts')) nameImportedFiles(outDir, path);
  }
}

function nameImportedFiles(outDir: string, path: string): void {
  const file = join(outDir, path);
  const text = replaceImports(readFileSync(file, 'utf8'), (specifier) => {
    if (specifier.startsWith('.')) return specifier.replace(/\.ts$/, '.d.ts');
    const target = WORKSPACE_PACKAGES[specifier];
    if (target === undefined) return specifier;
    const route = relative(dirname(file), join(outDir, target)).replaceAll('\\', '/');
    return route.startsWith('.') ? route : `./${route}`;
  });
  writeFileSync(file, text);
}

const IMPORT = /(\bfrom\s+|\bimport\s*\(\s*|\bimport\s+|\brequire\s*\(\s*)(["'])([^"']+)\2/g;

function replaceImports(text: string, replace: (specifier: string) => string): string {
  return text.replace(
    IMPORT,
    (_match, before: string, quote: string, specifier: string) => `${before}${quote}${replace(specifier)}${quote}`,
  );
}

/** The packages that a bundle or a bundled declaration imports, without those in `allowed`. Subpaths count as their package. */
export function foreignImports(text: string, allowed: readonly string[]): string[] {
  const packages = Array.from(text.matchAll(IMPORT), ([, , , specifier = '']) => packageOf(specifier));
  const references = Array.from(text.matchAll(/<reference\s+(?:types|path)="([^"]+)"/g), ([, name = '']) => name);
  return [...new Set([...packages, ...references])].filter((name) => !allowed.includes(name)).toSorted();
}

function packageOf(specifier: string): string {
  const [scope = '', name] = specifier.split('/');
  return scope.startsWith('@') && name !== undefined ? `${scope}/${name}` : scope;
}
