import type { AccountsApi } from '../domains/accounts/accounts.port.ts';
import type { AuthApi, Caller } from '../domains/auth/auth.port.ts';
import type { CategoriesApi } from '../domains/categories/categories.port.ts';
import type { ExportsApi } from '../domains/exports/exports.port.ts';
import type { ImportsApi } from '../domains/imports/imports.port.ts';
import type { IntegrityApi } from '../domains/integrity/integrity.port.ts';
import type { RatesApi } from '../domains/rates/rates.port.ts';
import type { ReconciliationsApi } from '../domains/reconciliations/reconciliations.port.ts';
import type { RecurringApi } from '../domains/recurring/recurring.port.ts';
import type { RulesApi } from '../domains/rules/rules.port.ts';
import type { TransactionsApi } from '../domains/transactions/transactions.port.ts';
import type { StakingReads } from '../domains/staking/staking.port.ts';
import type { UsersApi } from '../domains/users/users.port.ts';
import type { KeyedRequest, UnitOfWork } from '../db/index.ts';
import type { SyncApi } from '../sync/sync.port.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { StreamRegistry } from './streams.ts';

/** What the procedures call. Each is the port of what stands behind it. */
export type Services = {
  auth: AuthApi;
  users: UsersApi;
  accounts: AccountsApi;
  categories: CategoriesApi;
  transactions: TransactionsApi;
  imports: ImportsApi;
  exports: ExportsApi;
  integrity: IntegrityApi;
  rates: RatesApi;
  recurring: RecurringApi;
  reconciliations: ReconciliationsApi;
  rules: RulesApi;
  sync: SyncApi;
  staking: StakingReads;
};

/**
 * What every procedure is given. All context types stand in this one file, so that the SDK's build can replace it by an empty one and ship no type of
 * the server.
 */
export type Context = {
  requestId: string;
  /** The signed-in person, by session (bearer token or cookie) or by API token. */
  caller: Caller | null;
  /** Whether the sign-in that `caller` came with still lasts. Only reads, so that asking keeps no session alive. Null where nobody is signed in. */
  isStillSignedIn: (() => Promise<boolean>) | null;
  /** Whether a token or session cookie came, be it one of somebody or not. */
  hasCredential: boolean;
  /** The secret of the session that `caller` came with; for ending it, never for logs. */
  sessionToken: string | null;
  /** What the client calls itself. */
  userAgent: string | null;
  /** Embedded mode, over loopback, with Host and Origin checked: no web page and no proxy can be one. */
  isLocalOperator: boolean;
  /** Whose address counts for limits: the socket's, or what a trusted proxy names. */
  remoteAddress: string;
  /** Calls in this HTTP request; 1 unless it is a tRPC batch. */
  batchSize: number;
  /** True where the call was counted before its input was read; each call of a batch is counted for itself. */
  isCounted: boolean;
  /** What the caller's Idempotency-Key header says. */
  idempotencyKey: string | null;
  /**
   * Makes the transaction of one mutation; with a request, one that is done once for its key. Those with one `turn` come one after the other, before they take a
   * connection; null waits for nobody. @throws AppError RATE_LIMITED where too many wait for that turn
   */
  openUnit: (turn: string | null, request: KeyedRequest | null) => UnitOfWork;
  services: Services;
  limiter: RateLimiter;
  streams: StreamRegistry;
  /** Adds a Set-Cookie header to the answer. */
  setCookie: (header: string) => void;
};
