export { createFinverseClient } from './client.ts';
export type { FinverseClient, FinverseClientOptions, TokenSource } from './client.ts';
export { FinverseError, isFinverseError } from './errors.ts';
export type { ClientErrorCode, ErrorCode, ErrorDetail } from './errors.ts';
export type { HeaderSource } from './headers.ts';
export type {
  ApiToken,
  AppRouter,
  LiveEvent,
  Position,
  PositionState,
  Registration,
  RouterInputs,
  RouterOutputs,
  Scope,
  Session,
  SessionInfo,
  StakingLog,
  SyncCycle,
  SyncStatus,
  User,
  VaultStatus,
} from './types.ts';
