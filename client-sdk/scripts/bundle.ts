import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build, type InlineConfig } from 'tsdown';
import { BuildError } from './build-error.ts';

type Place = { packageDir: string; outDir: string };

/** Bare names: packages. What begins with a dot, a slash or a drive is a file. */
const PACKAGE = /^(?![./]|[A-Za-z]:[/\\])/;

const COMMON = {
  config: false,
  clean: false,
  dts: false,
  platform: 'neutral',
  target: 'es2022',
  logLevel: 'warn',
  report: false,
} satisfies InlineConfig;

/** Bundles the source as an ES module, dist/index.mjs. Every package stays an import. */
export async function bundleEsm({ packageDir, outDir }: Place): Promise<void> {
  await build({
    ...COMMON,
    cwd: packageDir,
    entry: { index: 'src/index.ts' },
    outDir,
    format: 'esm',
    outExtensions: () => ({ js: '.mjs' }),
    deps: { neverBundle: PACKAGE },
  });
}

/** What the CommonJS bundle brings along: packages that exist as ES modules alone, which not every CommonJS environment can require. */
const ESM_ONLY = ['superjson', 'copy-anything'];

/** Bundles the source as CommonJS, dist/index.cjs. */
export async function bundleCjs({ packageDir, outDir }: Place): Promise<void> {
  await build({
    ...COMMON,
    cwd: packageDir,
    entry: { index: 'src/index.ts' },
    outDir,
    format: 'cjs',
    outExtensions: () => ({ js: '.cjs' }),
    deps: { neverBundle: /^@trpc\//, alwaysBundle: ESM_ONLY, onlyBundle: ESM_ONLY },
    banner: { js: licencesOf(ESM_ONLY) },
  });
}

/** Bundles emitted declarations into one file, index.d.ts, which serves ES modules and CommonJS alike. */
export async function bundleDeclarations({ packageDir, outDir, entry }: Place & { entry: string }): Promise<void> {
  await build({
    ...COMMON,
    cwd: packageDir,
    entry: { index: entry },
    outDir,
    format: 'esm',
    tsconfig: false,
    // Otherwise the imports of types that nobody uses stay, bare.
    treeshake: { moduleSideEffects: false },
    dts: { generator: 'oxc', dtsInput: true, emitDtsOnly: true, tsconfig: false, sourcemap: false },
    deps: { neverBundle: PACKAGE },
  });
}

/** The licences that must go along with the code of these packages. */
function licencesOf(packages: readonly string[]): string {
  const texts = packages.map((name) => `${name}\n\n${readFileSync(licenceOf(name), 'utf8').trim()}`);
  return `/*!\nThis file contains these packages:\n\n${texts.join('\n\n').replaceAll('*/', '* /')}\n*/`;
}

/** Some of them export no package.json to resolve, so every folder that Node would look in is looked in. */
function licenceOf(name: string): string {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const file = folders.map((folder) => join(folder, name, 'LICENSE')).find((path) => existsSync(path));
  if (file === undefined) throw new BuildError(`the licence of ${name} is nowhere to be found`);
  return file;
}
