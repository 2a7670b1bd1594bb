/**
 * `npm run reread-vault -- 0x…`: installs what is missing, then sets aside everything that was read of that vault, so that the
 * next start reads it anew, from the start block of the settings. For a chain that was reset, and for a start block that was
 * too high. The servers are stopped before.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalledOrExit, projectNode, root } from './ensure-installed.mjs';

await ensureInstalledOrExit();
const { status, error } = spawnSync(
  projectNode,
  [join(root, 'server', 'src', 'reread-vault.cli.ts'), ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
if (error) console.error(`finverse: the vault could not be set aside: ${error.message}`);
process.exitCode = status ?? 2;
