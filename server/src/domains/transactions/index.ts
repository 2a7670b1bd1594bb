export { recordOf } from './transactions.draft.ts';
export { transactionsRouter } from './transactions.router.ts';
export { TransactionsService } from './transactions.service.ts';
