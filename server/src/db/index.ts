export * from './bulk.ts';
export * from './columns.ts';
export { lockDataFolder, lockSqliteFile } from './instance-lock.ts';
export { type Database, type Dialect, openDatabase } from './orm.ts';
export { transact } from './transact.ts';
