/**
 * A reconcile cycle in which nothing has changed, with 1,000, 10,000 and 100,000 positions of 1,000 owners: requests to the node, SQL statements,
 * milliseconds. The positions are real stakes; consecutive ones belong to different owners, which is the costliest spread for the rolling sweep.
 *
 *   --positions N,N   other numbers of positions
 *   --cycles N        cycles measured for each (default 20)
 */
import { parseArgs } from 'node:util';
import type { IdleCycles } from './idle-cycle.child.ts';
import { measureInChild } from './support/child.ts';
import { startDatabases } from './support/databases.ts';
import { describeMachine } from './support/machine.ts';
import { format, median, printTable } from './support/stats.ts';
import { makeCrowdChain } from './support/vault-chain.ts';

const { values: options } = parseArgs({
  options: { positions: { type: 'string', default: '1000,10000,100000' }, cycles: { type: 'string', default: '20' } },
});

console.log(`Idle reconcile cycle, median of ${options.cycles}\n${describeMachine()}`);
const databases = await startDatabases();
const rows: string[][] = [];
for (const positions of options.positions.split(',').map(Number)) {
  const chain = await makeCrowdChain(positions);
  const { rpcUrl, wsUrl } = chain;
  for (const kind of databases.kinds) {
    const task = {
      databaseUrl: await databases.create(kind),
      rpcUrl,
      wsUrl,
      head: chain.expected.head,
      cycles: Number(options.cycles),
    };
    const measured = await measureInChild<IdleCycles>('idle-cycle.child.ts', task);
    const range = (samples: readonly number[], digits = 0) =>
      `${format(median(samples), digits)} (${format(Math.max(...samples), digits)})`;
    rows.push([
      format(positions),
      kind,
      range(measured.requests),
      range(measured.statements),
      range(measured.milliseconds, 1),
      format(median(measured.verified)),
    ]);
    const methods = Object.entries(measured.byMethod).map(([method, count]) => `${method} ${format(count, 1)}`);
    console.log(`${format(positions)} positions, ${kind}, requests a cycle: ${methods.join(', ')}`);
  }
  await chain.stop();
}
await databases.stop();
printTable(
  ['positions', 'database', 'RPC requests (max)', 'SQL statements (max)', 'ms (max)', 'positions verified'],
  rows,
);
