/** The least that can be done on a new head: fetch the block's logs by its hash, insert one row, commit (the statement's own). Runs until it is told to end. */
import { childTask } from './support/child.ts';
import { connectBare } from './support/databases.ts';
import { watchHeads } from './support/heads.ts';
import { type Hex, rpc } from './support/rpc.ts';
import { vaultAddress } from './support/vault-chain.ts';

const { databaseUrl, rpcUrl, wsUrl } = childTask() as { databaseUrl: string; rpcUrl: string; wsUrl: string };
const connection = await connectBare(databaseUrl);
await watchHeads(wsUrl, ({ hash }) => void apply(hash));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function apply(blockHash: Hex): Promise<void> {
  const logs = await rpc<{ topics: Hex[]; data: Hex; transactionHash: Hex }[]>(rpcUrl, 'eth_getLogs', [
    { address: vaultAddress, blockHash },
  ]);
  for (const { topics, data, transactionHash } of logs) {
    const owner = `0x${(topics[1] as Hex).slice(26)}`;
    await connection.run('insert into bare_rows (owner, amount, tx_hash) values (?, ?, ?)', [
      owner,
      BigInt(data.slice(0, 66)).toString(),
      transactionHash,
    ]);
  }
}
