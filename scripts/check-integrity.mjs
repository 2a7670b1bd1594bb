/**
 * `npm run check-integrity`: installs what is missing, then compares every kept figure of the ledger with its entries, on
 * the project's own Node and with the settings of the server. It reads only, and may run beside the server.
 * `npm run check-integrity -- --user usr_…` looks at one person's.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalledOrExit, projectNode, root } from './ensure-installed.mjs';

await ensureInstalledOrExit();
const { status, error } = spawnSync(
  projectNode,
  [join(root, 'server', 'src', 'check-integrity.cli.ts'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
);
if (error) console.error(`finverse: the check could not be started: ${error.message}`);
process.exitCode = status ?? 2;
