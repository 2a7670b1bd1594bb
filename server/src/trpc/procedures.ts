import type { ProcedureType } from '@trpc/server';
import { AppError, invariant, signInEnded } from '../kernel/errors.ts';
import type { UnitOfWork } from '../db/index.ts';
import { bareProcedure, middleware, type ProcedureMeta } from './init.ts';
import type { Context } from './context.ts';
import type { RateClass } from './limits.ts';
import { requireScopes } from './scopes.ts';
import { countWrongSecrets } from './wrong-secrets.ts';

/**
 * Whom a call counts against: a signed-in person wherever they are, otherwise the address. All API tokens of a person count together and apart from their
 * sessions: one in wrong hands keeps nobody from revoking it.
 */
export function limitKey(ctx: Pick<Context, 'caller' | 'remoteAddress'>): string {
  return ctx.caller?.tokenScopes ? `tokens of ${ctx.caller.userId}` : callerKey(ctx);
}

/** Whose an idempotency key is: a person's, by whatever they are signed in, otherwise the address's. */
function callerKey(ctx: Pick<Context, 'caller' | 'remoteAddress'>): string {
  return ctx.caller ? `user ${ctx.caller.userId}` : addressKey(ctx);
}

function addressKey({ remoteAddress }: Pick<Context, 'remoteAddress'>): string {
  return `address ${remoteAddress}`;
}

/** Makes the transaction of a person's mutation, in their turn; done once where an idempotency key came with it. `input` is what it asks, for telling another request. */
export function unitOf(
  ctx: Pick<Context, 'caller' | 'remoteAddress' | 'idempotencyKey' | 'openUnit'>,
  { procedure, input }: { procedure: string; input: unknown },
): UnitOfWork {
  const key = ctx.idempotencyKey;
  const request = key === null ? null : { caller: callerKey(ctx), key, procedure, input };
  return ctx.openUnit(limitKey(ctx), request);
}

/** What a procedure counts as. */
export function rateClassOf(type: ProcedureType, meta: ProcedureMeta | undefined): RateClass {
  return meta?.rate ?? (type === 'query' ? 'read' : 'write');
}

/** Counts one call against its caller; sign-in against the address, whoever it is. @throws AppError RATE_LIMITED */
export function countCall(ctx: Pick<Context, 'caller' | 'remoteAddress' | 'limiter'>, rateClass: RateClass): void {
  ctx.limiter.take(rateClass, rateClass === 'login' ? addressKey(ctx) : limitKey(ctx));
}

/** Batches are cheap ways to try passwords, so sign-in stays out of them; every call of a batch counts for itself. */
const countCalls = middleware(({ ctx, path, type, meta, next }) => {
  if (ctx.batchSize > 1 && path.startsWith('auth.')) {
    throw new AppError('VALIDATION_FAILED', 'auth procedures cannot be called in a batch; send them alone.');
  }
  invariant(type !== 'subscription' || meta?.rate === 'stream', `${path} is built with liveProcedure`);
  if (!ctx.isCounted) countCall(ctx, rateClassOf(type, meta));
  return next();
});

/** Gives a subscription its place among the open streams, for as long as someone reads it and is signed in who opened it. */
const holdStream = middleware(async ({ ctx, signal, next }) => {
  const stream = ctx.streams.open({ callerKey: limitKey(ctx), signal, isSignedIn: ctx.isStillSignedIn });
  const result = await next({ ctx: { streamSignal: stream.signal } });
  if (result.ok) return { ...result, data: stream.read(result.data as AsyncIterable<unknown>) };
  stream.close();
  return result;
});

/**
 * Gives a mutation its one transaction, which a repeated idempotency key does not run twice, in its caller's turn: API tokens in another than sessions, as they
 * are counted. What anyone may call waits for nobody's turn, since an address may be that of many people; there are few such calls a minute.
 */
const openUnit = middleware(({ ctx, path, type, meta, getRawInput, next }) => {
  const { idempotencyKey: key } = ctx;
  if (key !== null && type === 'mutation' && ctx.batchSize > 1) {
    throw new AppError('VALIDATION_FAILED', 'A mutation with an idempotency key is sent alone, not in a batch.', {
      details: [{ path: 'idempotencyKey', message: 'does not go with a batch' }],
    });
  }
  const commit: UnitOfWork = async (work) => {
    if (meta?.access !== 'public') return unitOf(ctx, { procedure: path, input: await getRawInput() })(work);
    // Login ends the session that comes with it, so that a repeated one comes without: what anyone may call counts for the address.
    const caller = addressKey(ctx);
    const request = key === null ? null : { caller, key, procedure: path, input: await getRawInput() };
    return ctx.openUnit(null, request)(work);
  };
  return next({ ctx: { commit } });
});

/** Whoever holds a session must not find out the password by it: wrong ones count for that session alone, so that the person's others go on. */
const countOwnTries = middleware(({ ctx, next }) =>
  countWrongSecrets(ctx.limiter, [['ownSecret', `${callerKey(ctx)} ${ctx.sessionToken}`]], async () => {
    const result = await next();
    if (!result.ok) throw result.error;
    return result;
  }),
);

/** Keeps an API token to its scopes, which follow from the procedure itself and its meta. */
const limitToken = middleware(({ ctx, path, type, meta, next }) => {
  if (ctx.caller?.tokenScopes)
    requireScopes({ path, type, access: meta?.access ?? 'public', scopes: meta?.scopes }, ctx.caller.tokenScopes);
  return next();
});

/** What every procedure begins with. */
const countedProcedure = bareProcedure.use(countCalls).use(limitToken);

const requireCaller = middleware(({ ctx, next }) => next({ ctx: { caller: signedIn(ctx) } }));

const requireReader = middleware(({ ctx, next }) => {
  if (!ctx.isLocalOperator) signedIn(ctx);
  return next();
});

const requireAdmin = middleware(({ ctx, next }) => next({ ctx: { caller: admin(ctx) } }));

const requireSyncControl = middleware(({ ctx, next }) => {
  if (!ctx.isLocalOperator) admin(ctx);
  return next();
});

/** Anyone. Nothing that depends on who asks, and no secret. */
export const publicProcedure = countedProcedure.meta({ access: 'public' }).use(openUnit);

/** Any signed-in person, or the local operator in embedded mode. For what the chain makes public. */
export const readerProcedure = countedProcedure.meta({ access: 'reader' }).use(requireReader);

/** A signed-in person; `ctx.caller` is one, and `ctx.commit` runs a mutation's transaction. @throws AppError UNAUTHENTICATED */
export const authedProcedure = countedProcedure.meta({ access: 'user' }).use(requireCaller).use(openUnit);

/** A signed-in person by a session: an API token is refused, whatever its scopes. For what could take an account over. @throws AppError UNAUTHENTICATED, FORBIDDEN */
export const sessionProcedure = countedProcedure.meta({ access: 'session' }).use(requireCaller).use(openUnit);

/** As {@link sessionProcedure}, for what asks for the person's password or second factor once more. @throws AppError as that; RATE_LIMITED after too many wrong ones */
export const ownSecretProcedure = sessionProcedure.meta({ rate: 'credential' }).use(countOwnTries);

/** An admin. @throws AppError UNAUTHENTICATED, FORBIDDEN */
export const adminProcedure = countedProcedure.meta({ access: 'admin' }).use(requireAdmin).use(openUnit);

/** An admin, or the local operator in embedded mode. @throws AppError UNAUTHENTICATED, FORBIDDEN */
export const syncControlProcedure = countedProcedure
  .meta({ access: 'syncControl', rate: 'control' })
  .use(requireSyncControl);

/**
 * A subscription for whom `readerProcedure` lets in. `ctx.streamSignal` aborts when it is over: its reader left, or the server shuts down.
 * @throws AppError RATE_LIMITED over the number of streams, SHUTTING_DOWN
 */
export const liveProcedure = readerProcedure.meta({ rate: 'stream' }).use(holdStream);

/** A subscription of a signed-in person to what is theirs; otherwise as {@link liveProcedure}. @throws AppError UNAUTHENTICATED and as that */
export const ownLiveProcedure = authedProcedure.meta({ rate: 'stream' }).use(holdStream);

/** Who calls. @throws AppError UNAUTHENTICATED */
export function signedIn({
  caller,
  hasCredential,
}: Pick<Context, 'caller' | 'hasCredential'>): NonNullable<Context['caller']> {
  if (caller) return caller;
  if (hasCredential) throw signInEnded();
  throw new AppError('UNAUTHENTICATED', 'Sign in first: send Authorization: Bearer with the token that login answers.');
}

function admin(ctx: Context) {
  const caller = signedIn(ctx);
  if (caller.role !== 'admin') throw new AppError('FORBIDDEN', 'Only an admin may do this.');
  return caller;
}
