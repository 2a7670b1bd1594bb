import { ORPCError } from '@orpc/server';
import { TRPCError } from '@trpc/server';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AppError } from '../kernel/errors.ts';
import { formatError, toAppError, toErrorShape } from './errors.ts';
import { withRequestId } from './request-scope.ts';

const zodError = z
  .strictObject({ splits: z.array(z.object({ amount: z.string() })) })
  .safeParse({ splits: [{ amount: 5 }], other: 1 }).error;

describe('what leaves', () => {
  test('an AppError as it is, through any number of wrappers', () => {
    const error = new AppError('CONFLICT', 'taken', { details: [{ path: 'name', message: 'is taken' }] });
    const wrapped = new ORPCError('INTERNAL_SERVER_ERROR', {
      cause: new TRPCError({ code: 'INTERNAL_SERVER_ERROR', cause: error }),
    });
    expect(toAppError(wrapped)).toBe(error);
  });

  test('a refused input with each bad field, unknown ones too', () => {
    const error = toAppError(new TRPCError({ code: 'BAD_REQUEST', cause: zodError }));
    expect(error).toMatchObject({
      code: 'VALIDATION_FAILED',
      details: [{ path: 'splits.0.amount' }, { path: 'other', message: 'unknown field' }],
    });
  });

  test.each([
    [z.string().max(3), 'abcd', 'must have at most 3 characters'],
    [z.string().min(8), 'abc', 'must have at least 8 characters'],
    [z.string().min(1), '', 'must not be empty'],
    [z.array(z.string()).max(1), ['a', 'b'], 'must have at most 1 item'],
    [z.array(z.string()).length(2), ['a'], 'must have exactly 2 items'],
    [z.number().max(200), 201, 'must be at most 200'],
    [z.number().min(1), 0, 'must be at least 1'],
    [z.number().positive(), 0, 'must be above 0'],
    [z.number().int(), 0.5, 'must be a whole number'],
    [z.number(), '5', 'must be a number'],
    [z.string(), 5, 'must be text'],
    [z.string(), null, 'must be text'],
    [z.string(), undefined, 'is required'],
    [z.boolean(), 'yes', 'must be true or false'],
    [z.array(z.string()), 'a', 'must be a list'],
    [z.strictObject({}), 'a', 'must be an object'],
    [z.enum(['csv', 'json']), 'xml', 'must be one of csv, json'],
    [z.literal('csv'), 'xml', 'must be csv'],
    [z.string().max(3, 'words of its own'), 'abcd', 'words of its own'],
  ])('a refused value with what it must be (%#)', (schema, field, message) => {
    const { error } = z.strictObject({ field: schema }).safeParse({ field });
    const refused = toAppError(new TRPCError({ code: 'BAD_REQUEST', cause: error }));
    expect(refused.details).toEqual([{ path: 'field', message }]);
  });

  test('a kind that there is none of with those that there are', () => {
    const kinds = z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('a') }),
      z.object({ kind: z.literal('b') }),
    ]);
    const refused = toAppError(new TRPCError({ code: 'BAD_REQUEST', cause: kinds.safeParse({ kind: 'c' }).error }));
    expect(refused.details).toEqual([{ path: 'kind', message: 'must be one of a, b' }]);
  });

  test('a ZodError of our own making is our fault', () => {
    const error = toAppError(
      new TRPCError({ code: 'INTERNAL_SERVER_ERROR', message: 'Output validation failed', cause: zodError }),
    );
    expect(error).toMatchObject({ code: 'INTERNAL', details: [] });
  });

  test('an AppError that another error wraps was meant for that error, not for the caller', () => {
    expect(toAppError(new Error('select 1', { cause: new AppError('NOT_FOUND', 'x') })).code).toBe('INTERNAL');
  });

  test.each([
    ['text', 'select * from secrets'],
    ['null', null],
    ['undefined', undefined],
    ['an error', new Error('select * from secrets')],
    ['a wrapped error', new TRPCError({ code: 'INTERNAL_SERVER_ERROR', cause: new Error('select * from secrets') })],
    [
      'a wrapper with words of its own',
      new TRPCError({ code: 'BAD_REQUEST', message: 'select * from secrets', cause: new Error('x') }),
    ],
  ])('nothing of %s', (_name, thrown) => {
    expect(JSON.stringify(toErrorShape(toAppError(thrown), 'r'))).not.toContain('secrets');
  });

  test('a database or a disk that cannot be used for now, as what to try again, and nothing of it', () => {
    const lost = Object.assign(new Error('select * from secrets'), { code: 'PROTOCOL_CONNECTION_LOST', fatal: true });
    const full = Object.assign(new Error('write /secrets'), { code: 'ENOSPC' });
    for (const cause of [lost, full]) {
      for (const thrown of [cause, new TRPCError({ code: 'INTERNAL_SERVER_ERROR', cause })]) {
        const error = toAppError(thrown);
        expect(error).toMatchObject({ code: 'STORAGE_UNAVAILABLE', httpStatus: 503, retryAfterSeconds: 2 });
        expect(JSON.stringify(toErrorShape(error, 'r'))).not.toContain('secrets');
      }
    }
  });

  test('the request id also where tRPC has no context yet', () => {
    withRequestId('trace-1', () => {
      expect(formatError({ error: new TRPCError({ code: 'PARSE_ERROR' }) }).data).toMatchObject({
        code: 'VALIDATION_FAILED',
        requestId: 'trace-1',
      });
    });
  });
});

test('subscriptions reconnect after our faults and not after the caller’s', () => {
  // tRPC's client reconnects after -32603 alone.
  const number = (error: AppError) => toErrorShape(error, 'r').code;
  expect(number(new AppError('SHUTTING_DOWN', 'x'))).toBe(-32603);
  expect(number(new AppError('INTERNAL', 'x'))).toBe(-32603);
  expect(number(new AppError('UNAUTHENTICATED', 'x'))).toBe(-32001);
  expect(number(new AppError('RATE_LIMITED', 'x'))).toBe(-32029);
});
