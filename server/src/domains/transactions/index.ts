export { recordOf } from './transactions.draft.ts';
export { toRecord, toTransactionOut } from './transactions.rules.ts';
export { transactionsRouter } from './transactions.router.ts';
export { placeOfCursor, SCANNED_MAX, searchTransactions } from './transactions.search.ts';
export { TransactionsService } from './transactions.service.ts';
