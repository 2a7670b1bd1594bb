/**
 * The entry point: checks that this Node can run TypeScript, then loads the server.
 *
 * Plain JavaScript with nothing but Node's own modules, on purpose: an older Node refuses a .ts file, and everything that it imports, with a
 * stack trace that helps nobody. Here it can say what to do.
 */
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18) || !process.features.typescript) {
  console.error(
    `finverse: this is Node ${process.versions.node}, which cannot run FinVerse (22.18 or newer can). ` +
      'Use `npm start`: it brings its own Node.',
  );
  process.exit(1);
}

if (process.channel) {
  // Started by scripts/start.mjs. When that one is killed, nobody is left to stop this one: stop as if asked to.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}

// Compiled code is kept beside the dependencies: a later start is faster and takes less memory.
module.enableCompileCache?.(fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url)));

await import('./src/main.ts');
