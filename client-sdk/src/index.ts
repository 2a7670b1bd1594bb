export { createFinverseClient } from './client.ts';
export type { FinverseClient, FinverseClientOptions, TokenSource } from './client.ts';
export { FinverseError, isFinverseError } from './errors.ts';
export type { ClientErrorCode, ErrorCode, ErrorDetail } from './errors.ts';
export type { HeaderSource } from './headers.ts';
export type {
  AppRouter,
  LiveEvent,
  Position,
  PositionState,
  RouterInputs,
  RouterOutputs,
  Session,
  StakingLog,
  SyncCycle,
  SyncStatus,
  User,
  VaultStatus,
} from './types.ts';
