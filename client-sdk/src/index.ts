export { createFinverseClient } from './client.ts';
export type { FinverseClient, FinverseClientOptions, TokenSource } from './client.ts';
export { FinverseError, isFinverseError } from './errors.ts';
export type { ClientErrorCode, ErrorCode, ErrorDetail } from './errors.ts';
export type { HeaderSource } from './headers.ts';
export type {
  Account,
  AccountSummary,
  AccountType,
  ApiToken,
  AppRouter,
  Category,
  ClearedState,
  ExchangeRate,
  Import,
  ImportFile,
  ImportPreview,
  LiveEvent,
  MonthlyTotal,
  NewTransaction,
  Position,
  PositionState,
  Reconciliation,
  RecurringTemplate,
  Registration,
  RouterInputs,
  RouterOutputs,
  Rule,
  RulesPreview,
  Scope,
  Session,
  SessionInfo,
  StakingLog,
  StatementEntry,
  SyncCycle,
  SyncStatus,
  Transaction,
  TransactionKind,
  User,
  VaultStatus,
} from './types.ts';
export { uploadImportFile } from './upload.ts';
export type { ImportFileSource } from './upload.ts';
