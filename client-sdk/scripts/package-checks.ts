import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { rolldown } from 'rolldown';

/** What publint finds wrong with a package folder, in words. */
export async function publintFaults(packageDir: string): Promise<string[]> {
  const { messages, pkg } = await publint({ pkgDir: packageDir, strict: true, pack: false });
  return messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
}

/** What "are the types wrong" finds for any way of importing a packed package, as its names of the problems. */
export async function typesFaults(tarball: string): Promise<string[]> {
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
  return analysis.types === false ? ['NoTypes'] : analysis.problems.map(({ kind }) => kind);
}

/** Bundles an entry file for browsers with all it imports. Answers the minified code, its gzipped size, and the modules that no browser has. */
export async function bundleForBrowser(
  entry: string,
): Promise<{ code: string; gzippedBytes: number; missing: string[] }> {
  const bundle = await rolldown({ input: entry, platform: 'browser', logLevel: 'silent' });
  try {
    const { output } = await bundle.generate({ format: 'esm', minify: true, codeSplitting: false });
    const [{ code, imports, dynamicImports }] = output;
    return { code, gzippedBytes: gzipSync(code).byteLength, missing: [...imports, ...dynamicImports] };
  } finally {
    await bundle.close();
  }
}
