export { findFormerAccounts, rememberMove } from './account-moves.ts';
export {
  countAccounts,
  deleteAccount,
  findAccounts,
  hasEntries,
  insertAccount,
  listAccounts,
  updateAccount,
} from './account-store.ts';
export {
  deleteCategory,
  findCategories,
  insertCategories,
  listCategories,
  touchCategories,
  updateCategory,
} from './category-store.ts';
export { checkLedger } from './integrity.ts';
export { AccountSchema, ledgerEntities } from './ledger.entity.ts';
export { ensureLedger, openLedger } from './ledger.lock.ts';
export { type RawRow, fromAccountRow } from './ledger.rows.ts';
export { accountsOf, entriesOf, monthOf, searchable } from './ledger.rules.ts';
export { clearedStateOf, type MarkedIds, settleMarks, sidesOf, UNMARKED, writeMarks } from './marks.ts';
export type * from './ledger.types.ts';
export { post, requireMovable, withdraw } from './post.ts';
export { findTransactions, isSplit, withSplits } from './transaction-store.ts';
export { describeReferences, type References } from './references.ts';
export { isFiledUnder, refileCategory } from './refile.ts';
export { changesSince } from './changes-since.ts';
