import { defineEntity, p } from '@mikro-orm/core';
import { beforeEach, expect, test } from 'vitest';
import { idempotencyEntities } from './idempotency.entity.ts';
import { type KeyedRequest, purgeIdempotencyKeys, transactOnce } from './idempotency.ts';
import type { Database } from './orm.ts';
import { describeDrivers } from './test-databases.ts';

const NoteSchema = defineEntity({
  name: 'Note',
  tableName: 'notes',
  properties: { id: p.integer().primary(), text: p.string().length(100) },
});

const NOW = 1_700_000_000_000;
const SECRET = 'fv_a-secret-that-must-not-be-readable';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let runs: number;
  beforeEach(async () => {
    runs = 0;
    database = await databases.open([NoteSchema, ...idempotencyEntities]);
    await database.orm.schema.create();
  });

  const request = { caller: 'user usr_1', key: 'key-1', procedure: 'notes.create', input: { text: 'a' }, nowMs: NOW };
  const send = (changes: Partial<KeyedRequest> = {}, fails = false) =>
    transactOnce(database, { ...request, ...changes }, async (em) => {
      runs += 1;
      await em.execute('insert into notes (text) values (?)', [`run ${runs}`], 'run');
      if (fails) throw new Error('the disk is full');
      return { token: SECRET, run: runs, none: null };
    });
  const rows = (table: string) => database.em().execute<Record<string, unknown>[]>(`select * from ${table}`);

  test('a repeated call has one effect and gets the same answer', async () => {
    const first = await send();
    expect(await send()).toEqual(first);
    expect([runs, (await rows('notes')).length]).toEqual([1, 1]);
  });

  test('a call that answers nothing is done once as well', async () => {
    const sendSilent = () =>
      transactOnce(database, request, async (em) => {
        await em.execute("insert into notes (text) values ('silent')", [], 'run');
      });
    expect([await sendSilent(), await sendSilent()]).toEqual([undefined, undefined]);
    expect((await rows('notes')).length).toBe(1);
  });

  test('the order of the fields, and one that is undefined, make no other request', async () => {
    const first = await send({ input: { a: 1, b: { c: [1, 2], d: null }, e: undefined } });
    expect(await send({ input: { b: { d: null, c: [1, 2] }, a: 1 } })).toEqual(first);
    await expect(send({ input: { b: { d: null, c: [2, 1] }, a: 1 } })).rejects.toThrow('another request');
  });

  test('64 calls at once with one key have one effect', async () => {
    const answers = await Promise.all(Array.from({ length: 64 }, () => send()));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect((await rows('notes')).length).toBe(1);
  });

  test('another input or procedure under the same key is refused, and has no effect', async () => {
    await send();
    for (const change of [{ input: { text: 'b' } }, { procedure: 'notes.remove' }]) {
      await expect(send(change)).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED', httpStatus: 409 });
    }
    expect((await rows('notes')).length).toBe(1);
  });

  test('the same key of another caller is another key', async () => {
    await send();
    await send({ caller: 'user usr_2' });
    expect(runs).toBe(2);
  });

  test('a call that failed keeps nothing, and its repetition is the first', async () => {
    await expect(send({}, true)).rejects.toThrow('the disk is full');
    expect([await rows('notes'), await rows('idempotency_keys')]).toEqual([[], []]);
    expect(await send()).toMatchObject({ run: 2 });
  });

  test('neither key nor answer can be read in the table', async () => {
    await send();
    const stored = JSON.stringify(await rows('idempotency_keys'));
    for (const text of [request.key, SECRET, Buffer.from(SECRET).toString('base64').slice(4, 20)]) {
      expect(stored).not.toContain(text);
    }
  });

  test('a key is forgotten with its age, not before', async () => {
    await send();
    await purgeIdempotencyKeys(database, NOW);
    await send();
    expect(runs).toBe(1);
    await purgeIdempotencyKeys(database, NOW + 1);
    await send();
    expect(runs).toBe(2);
  });
});
