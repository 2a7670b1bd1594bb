import { type NewTokenOut, scopeSchema, type TokenInput, type TokenOut } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { fetchRows } from '../../db/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { randomHex } from '../../kernel/random.ts';
import type { Exporter } from '../users/index.ts';
import { ApiTokenSchema } from './auth.entity.ts';
import { type AuthParts, lockUserInSession } from './auth.parts.ts';
import type { Call, Caller, TokensApi } from './auth.port.ts';
import { LAST_USED_STEP_MS } from './lucia.ts';
import { digest } from './secrets.ts';

const TOKENS_MAX = 50;
const TOKEN_BYTES = 24;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Nothing else is looked up. */
const TOKEN_PATTERN = /^fv_[0-9a-f]{48}$/;

/** A person's API tokens, for curl and scripts. */
export class ApiTokens implements TokensApi {
  readonly #parts: AuthParts;

  constructor(parts: AuthParts) {
    this.#parts = parts;
  }

  list(userId: string): Promise<TokenOut[]> {
    return listTokens(this.#parts.database.em(), userId);
  }

  create(
    userId: string,
    { name, scopes, expiresInDays }: TokenInput,
    { commit, sessionToken }: Call,
  ): Promise<NewTokenOut> {
    return commit(async (em) => {
      // Two at once could both stay under the limit and exceed it together; and one in flight would outlive the reset that ends all tokens.
      await lockUserInSession(this.#parts, em, { userId, sessionToken });
      if ((await em.count(ApiTokenSchema, { user: userId })) >= TOKENS_MAX) {
        throw new AppError('CONFLICT', `At most ${TOKENS_MAX} API tokens are kept; revoke one.`);
      }
      const token = `fv_${randomHex(TOKEN_BYTES)}`;
      const createdAt = this.#parts.clock.now();
      const row = {
        id: newId('tok'),
        name,
        createdAt,
        expiresAt: createdAt + expiresInDays * DAY_MS,
        lastUsedAt: null,
      };
      const stored = { ...row, scopes: scopes.join(' ') };
      await em.insert(ApiTokenSchema, { ...stored, user: userId, tokenHash: digest(token) });
      return { ...describe(stored), token };
    });
  }

  async revoke(userId: string, id: string, { commit }: Call): Promise<void> {
    await commit(async (em) => {
      const deleted = await em.nativeDelete(ApiTokenSchema, { id, user: userId });
      if (deleted === 0) throw new AppError('NOT_FOUND', 'There is no such API token.');
    });
  }
}

type TokenCallerRow = Record<'id' | 'user_id' | 'scopes' | 'role', string> &
  Record<'expires_at' | 'last_used_at' | 'deletion_at', unknown>;

/** The token and its person; null for one that is malformed, unknown or over, and while its person's account is about to be deleted. */
export async function findToken({ database, clock }: AuthParts, token: string): Promise<TokenCallerRow | null> {
  if (!TOKEN_PATTERN.test(token)) return null;
  // Asked with every request, as a session is.
  const [row] = await fetchRows<TokenCallerRow>(
    database.em(),
    `select t.id, t.user_id, t.scopes, t.expires_at, t.last_used_at, u.role, u.deletion_at
     from api_tokens t join users u on u.id = t.user_id where t.token_hash = ?`,
    [digest(token)],
  );
  return !row || Number(row.expires_at) <= clock.now() || row.deletion_at !== null ? null : row;
}

/** Who calls with the token, which counts as its use; null as for {@link findToken}. */
export async function findTokenCaller(parts: AuthParts, token: string): Promise<Caller | null> {
  const row = await findToken(parts, token);
  if (!row) return null;
  const nowMs = parts.clock.now();
  if (nowMs - Number(row.last_used_at ?? 0) >= LAST_USED_STEP_MS) {
    await parts.database.em().nativeUpdate(ApiTokenSchema, { id: row.id }, { lastUsedAt: nowMs });
  }
  return {
    userId: row.user_id,
    role: row.role === 'admin' ? 'admin' : 'user',
    tokenScopes: row.scopes.split(' '),
    isRenewed: false,
  };
}

/** Revokes all API tokens of the person. */
export async function deleteUserTokens(em: SqlEntityManager, userId: string): Promise<void> {
  await em.nativeDelete(ApiTokenSchema, { user: userId });
}

/** Deletes tokens that are over. An expired one is refused in any case. */
export async function deleteTokensExpiredBefore(em: SqlEntityManager, nowMs: number): Promise<void> {
  await em.nativeDelete(ApiTokenSchema, { expiresAt: { $lte: nowMs } });
}

export const tokensExporter: Exporter = {
  name: 'api_tokens',
  async *pages(em, userId) {
    yield await listTokens(em, userId);
  },
};

async function listTokens(em: SqlEntityManager, userId: string): Promise<TokenOut[]> {
  const rows = await em.find(ApiTokenSchema, { user: userId }, { orderBy: { id: 'desc' } });
  return rows.map((row) => describe({ ...row, lastUsedAt: row.lastUsedAt ?? null }));
}

type TokenRow = {
  id: string;
  name: string;
  scopes: string;
  createdAt: number;
  expiresAt: number;
  lastUsedAt: number | null;
};

function describe({ id, name, scopes, createdAt, expiresAt, lastUsedAt }: TokenRow): TokenOut {
  return {
    id,
    name,
    scopes: scopes.split(' ').flatMap((scope) => scopeSchema.safeParse(scope).data ?? []),
    createdAt: toInstant(createdAt),
    expiresAt: toInstant(expiresAt),
    lastUsedAt: lastUsedAt === null ? null : toInstant(lastUsedAt),
  };
}
