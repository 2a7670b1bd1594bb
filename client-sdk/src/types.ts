import type { AppRouter } from '@finverse/server/router';
import type { inferRouterError, inferRouterInputs, inferRouterOutputs } from '@trpc/server';

export type { AppRouter };

/**
 * What each procedure takes.
 *
 * @example type PositionsInput = RouterInputs['staking']['positions']
 */
export type RouterInputs = inferRouterInputs<AppRouter>;

/**
 * What each procedure answers.
 *
 * @example type Health = RouterOutputs['sync']['health']
 */
export type RouterOutputs = inferRouterOutputs<AppRouter>;

/** What the server says of an error beside its message. */
export type ErrorData = inferRouterError<AppRouter>['data'];

/** A session that login began; `token` serves as `Authorization: Bearer`. */
export type Session = RouterOutputs['auth']['login'];
export type User = RouterOutputs['auth']['me'];
/** What registration answers: a session where it is open, otherwise that a mail is on its way. */
export type Registration = RouterOutputs['auth']['register'];
/** One of a person's sessions, in the list of them. */
export type SessionInfo = RouterOutputs['auth']['sessions']['list']['items'][number];
export type ApiToken = RouterOutputs['auth']['tokens']['list']['items'][number];
/** What an API token may be allowed: `transactions:read`. */
export type Scope = ApiToken['scopes'][number];

/** An account with its balance. Amounts of money are decimal text with eight digits after the point, never numbers. */
export type Account = RouterOutputs['accounts']['get'];
export type AccountType = Account['type'];
/** Balances by type and currency. */
export type AccountSummary = RouterOutputs['accounts']['summary'];
/** An entry of an account's statement, with the balance after it. */
export type StatementEntry = RouterOutputs['accounts']['statement']['items'][number];
export type Category = RouterOutputs['categories']['get'];
export type Transaction = RouterOutputs['transactions']['get'];
export type TransactionKind = Transaction['kind'];
/** What `transactions.create` takes. */
export type NewTransaction = RouterInputs['transactions']['create'];
/** What was earned or spent in a month, by currency and category. */
export type MonthlyTotal = RouterOutputs['transactions']['monthlyTotals']['items'][number];
export type ExchangeRate = RouterOutputs['rates']['list']['items'][number];
export type Rule = RouterOutputs['rules']['list']['items'][number];
/** What the rules would do, and the token by which exactly that is done. */
export type RulesPreview = RouterOutputs['rules']['preview'];
/** A transaction that comes again and again. */
export type RecurringTemplate = RouterOutputs['recurring']['get'];
/** The import of a bank file, and how far it is. */
export type Import = RouterOutputs['imports']['status'];
export type ImportPreview = RouterOutputs['imports']['preview'];
/** A bank file that was uploaded; its id is the `fileId` of `imports.create`. */
export type ImportFile = { id: string; bytes: number; sha256: string; createdAt: string };
/** An account compared with a statement of its bank. */
export type Reconciliation = RouterOutputs['reconciliations']['get'];
/** Whether the statement of a bank shows an entry. */
export type ClearedState = Transaction['cleared'];

/** A staking position. Amounts come as text with eight digits, and exactly, in base units of the token, as `…Raw` beside `decimals`. */
export type Position = RouterOutputs['staking']['position'];
export type PositionState = Position['state'];
/** A decoded log of a vault: one of the facts that a position is the sum of. */
export type StakingLog = RouterOutputs['staking']['logs']['items'][number];

export type SyncStatus = RouterOutputs['sync']['status'];
export type VaultStatus = SyncStatus['vaults'][number];
export type SyncCycle = RouterOutputs['sync']['runCycle'];

/** What the live feed yields: the event, as `data`, and the id to resume after it. */
export type LiveEvent = RouterOutputs['sync']['live'] extends AsyncIterable<infer Event> ? Event : never;
