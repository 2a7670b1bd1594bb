export { toRecord } from './transactions.rules.ts';
export { transactionsRouter } from './transactions.router.ts';
export { TransactionsService } from './transactions.service.ts';
