/** The requests of bench/ledger.ts by hand: Express around the statements of bench/support/ledger-by-hand.ts. Runs until it is told to end. */
import express from 'express';
import { childTask } from './support/child.ts';
import { type Fields, ledgerByHand } from './support/ledger-by-hand.ts';

const { databaseUrl, userId } = childTask() as { databaseUrl: string; userId: string };
const ledger = await ledgerByHand(databaseUrl, userId);

const app = express();
app.use(express.json());
app.post('/create', async (request, response) => void response.json(await ledger.create(request.body as Fields)));
for (const name of ['list', 'search', 'monthlyTotals'] as const) {
  app.get(`/${name}`, async (request, response) => void response.json(await ledger[name](request.query as Fields)));
}
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : null);
});
process.on('disconnect', () => process.exit(0));
