export * from './bulk.ts';
export * from './columns.ts';
export { isConnectionLost, isUnavailable } from './faults.ts';
export { idempotencyEntities } from './idempotency.entity.ts';
export {
  IDEMPOTENCY_KEEP_MS,
  type KeyedRequest,
  purgeIdempotencyKeys,
  transactOnce,
  type UnitOfWork,
} from './idempotency.ts';
export { beside, type Condition, LOOK_UP, readBy } from './index-order.ts';
export { lockDataFolder, lockSqliteFile } from './instance-lock.ts';
export { type Database, type Dialect, openDatabase } from './orm.ts';
export { readSnapshot } from './read-snapshot.ts';
export { sqlitePath } from './sqlite-path.ts';
export { fetchRows, padded, runSql, type SqlValue } from './statement.ts';
export { transact } from './transact.ts';
