import type { AppRouter } from '@finverse/server/router';
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';

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
