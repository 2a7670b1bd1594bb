import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { AppError, invariant } from '../kernel/errors.ts';
import { randomHex } from '../kernel/random.ts';
import { insertRows } from './bulk.ts';
import type { Database } from './orm.ts';
import { fetchRows, runSql } from './statement.ts';
import { transact } from './transact.ts';

/** A mutation that may be sent again: who sends it, under which key, and what it asks. */
export type KeyedRequest = {
  caller: string;
  key: string;
  procedure: string;
  /** As it came, before any default was put in. */
  input: unknown;
};

/**
 * Runs a mutation's one database transaction. A use case calls it once and returns what it answers, unchanged: where the caller sent an idempotency key, the
 * answer is kept with the effect, and a repeated call gets it again without any work.
 */
export type UnitOfWork = <Result>(work: (em: SqlEntityManager) => Promise<Result>) => Promise<Result>;

/** How long an answer is kept for its key. */
export const IDEMPOTENCY_KEEP_MS = 24 * 60 * 60 * 1000;

/**
 * Runs `work` in one transaction, once for each key: the claim of the key, the effect and the answer commit together. Two calls with one key at the same
 * time run one after the other. A call that fails keeps nothing, so that it may be tried again.
 *
 * @throws AppError IDEMPOTENCY_KEY_REUSED where the key came with another request before.
 */
export async function transactOnce<Result>(
  database: Database,
  request: KeyedRequest & { nowMs: number },
  work: (em: SqlEntityManager) => Promise<Result>,
): Promise<Result> {
  const id = [request.caller, sha256(request.key)];
  const requestHash = hashRequest(request);
  return transact(database, async (em) => {
    try {
      await insertRows(em, database.dialect, {
        table: 'idempotency_keys',
        columns: ['caller', 'key_hash', 'request_hash', 'answer', 'created_at'],
        rows: [[...id, requestHash, null, request.nowMs]],
      });
    } catch (error) {
      // Another call with the key, under way until now, has answered; the failed insert alone is undone.
      if (!(error instanceof UniqueConstraintViolationException)) throw error;
      return earlierAnswer<Result>(em, id, { key: request.key, requestHash });
    }
    const result = await work(em);
    await runSql(em, 'update idempotency_keys set answer = ? where caller = ? and key_hash = ?', [
      // In an object, since JSON has no undefined, which is what a use case without an answer returns.
      encrypt(JSON.stringify({ result }), request.key),
      ...id,
    ]);
    return result;
  });
}

/** What the first call with the key was answered. @throws AppError IDEMPOTENCY_KEY_REUSED */
async function earlierAnswer<Result>(
  em: SqlEntityManager,
  id: readonly string[],
  { key, requestHash }: { key: string; requestHash: string },
): Promise<Result> {
  const [row] = await fetchRows<{ request_hash: string; answer: string | null }>(
    em,
    'select request_hash, answer from idempotency_keys where caller = ? and key_hash = ?',
    id,
  );
  invariant(row && row.answer !== null, 'a key and its answer commit together');
  if (row.request_hash === requestHash) return (JSON.parse(decrypt(row.answer, key)) as { result: Result }).result;
  throw new AppError('IDEMPOTENCY_KEY_REUSED', 'This idempotency key came with another request before.', {
    details: [{ path: 'idempotencyKey', message: 'use a new key for a new request' }],
  });
}

/** Forgets the answers given before that instant. */
export async function purgeIdempotencyKeys(database: Database, beforeMs: number): Promise<void> {
  await database.em().execute('delete from idempotency_keys where created_at < ?', [beforeMs], 'run');
}

/** Keyed by the caller's key, which is not kept: an input may hold a password, which a bare hash would let be guessed. */
function hashRequest({ key, procedure, input }: KeyedRequest): string {
  return createHmac('sha256', key)
    .update(JSON.stringify([procedure, canonical(input)]))
    .digest('hex');
}

/** The same JSON whatever the order of an object's keys. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, canonical(item)]),
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** An answer may hold a secret, such as a new session's token; only who has the key can read it again. */
function encrypt(text: string, key: string): string {
  const iv = Buffer.from(randomHex(IV_BYTES), 'hex');
  const cipher = createCipheriv('aes-256-gcm', answerKey(key), iv);
  return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function decrypt(stored: string, key: string): string {
  const bytes = Buffer.from(stored, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', answerKey(key), bytes.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  return decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
}

function answerKey(key: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', 'finverse idempotency answer', 32));
}
