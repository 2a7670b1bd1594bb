import { expect } from 'vitest';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { makeDue } from './recurring.scheduler.ts';

// Test support: recurring transactions in the tests of other domains.

/** Books all that is due, of everybody; a defect or an outage fails the test, and a template that waits to be mended does not. */
export async function bookDue(parts: { database: Database; clock: Clock }): Promise<void> {
  expect((await makeDue(parts)).errors).toEqual([]);
}
