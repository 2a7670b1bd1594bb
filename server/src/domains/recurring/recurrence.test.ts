import { createRequire } from 'node:module';
import { recurringCreateInput } from '@finverse/shared';
import fc from 'fast-check';
import type * as RRuleLibrary from 'rrule';
import { RRuleTemporal } from 'rrule-temporal';
import { expect, test, vi } from 'vitest';
import { datesFrom, LAST_DATE, type Recurrence } from './recurrence.ts';

// The package is CommonJS whose names Node cannot see, and its types are those of a module.
const { RRule } = createRequire(import.meta.url)('rrule') as typeof RRuleLibrary;

const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
const weekday = fc.constantFrom(...WEEKDAYS);
const interval = fc.option(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 999 })), { nil: null });
const signed = (max: number) => fc.integer({ min: -max, max }).filter((number) => number !== 0);
const some = <Item>(item: fc.Arbitrary<Item>, maxLength: number) =>
  fc.option(fc.uniqueArray(item, { minLength: 1, maxLength }), { nil: null });
const positions = some(fc.oneof(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 4 })), 3).map(
  (chosen) => chosen && chosen.toSorted((a, b) => a - b),
);
const numbered = fc.tuple(signed(5), weekday).map(([nth, name]) => `${nth}${name}`);

/**
 * Any rule that the input accepts, but for what the judge reads otherwise than RFC 5545: weekdays with and without numbers side by side (as those that are
 * both), a position from the end that a span has not (as the first), and positions that do not stand in the order of their dates.
 */
const anyRule = fc
  .record({
    FREQ: fc.constantFrom('DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'),
    INTERVAL: interval,
    BYDAY: fc.oneof(some(weekday, 4), some(numbered, 4)),
    BYMONTHDAY: some(signed(31), 4),
    BYMONTH: some(fc.integer({ min: 1, max: 12 }), 4),
    BYSETPOS: fc.oneof(positions, fc.constant([-1])),
    WKST: fc.option(weekday, { nil: null }),
  })
  .map((parts) =>
    Object.entries(parts)
      .flatMap(([name, value]) => (value === null ? [] : [`${name}=${String(value)}`]))
      .join(';'),
  )
  .filter((rule) => recurringCreateInput.shape.rule.safeParse(rule).success);
const anyDate = fc
  .integer({ min: Date.UTC(2023, 0, 1) / 86_400_000, max: Date.UTC(2040, 0, 1) / 86_400_000 })
  .map((day) => new Date(day * 86_400_000).toISOString().slice(0, 10));

/** The first dates by another library, `rrule`. It looks for the next one up to the year 9999. */
function byJudge({ rule, startsOn }: Recurrence, { until, limit }: { until: string; limit: number }): string[] {
  const dates: string[] = [];
  const options = { ...RRule.parseString(rule), dtstart: new Date(startsOn), until: new Date(until) };
  new RRule(options, true).all((instant) => dates.push(instant.toISOString().slice(0, 10)) < limit);
  return dates;
}

function take(recurrence: Recurrence, from: string, limit: number): string[] {
  const dates: string[] = [];
  for (const date of datesFrom(recurrence, from)) if (dates.push(date) >= limit) break;
  return dates;
}

/** How many dates of a rule one asks for. */
const TAKEN = 6;

test('the dates of any accepted rule are those of another library', () => {
  let compared = 0;
  fc.assert(
    fc.property(anyRule, anyDate, (rule, startsOn) => {
      const dates = take({ rule, startsOn }, startsOn, TAKEN);
      if (dates.length === 0) return;
      compared += 1;
      const until = dates.at(-1) ?? '';
      expect(byJudge({ rule, startsOn }, { until, limit: TAKEN })).toEqual(dates);
    }),
    { numRuns: 1_000 },
  );
  expect(compared).toBeGreaterThan(200);
});

test('where no date is found, the other library finds none either', () => {
  let compared = 0;
  fc.assert(
    fc.property(anyRule, anyDate, (rule, startsOn) => {
      if (compared >= 3 || take({ rule, startsOn }, startsOn, 1).length > 0) return;
      compared += 1;
      expect(byJudge({ rule, startsOn }, { until: LAST_DATE, limit: 1 })).toEqual([]);
    }),
    { numRuns: 500 },
  );
  expect(compared).toBeGreaterThan(0);
});

test.each([
  'FREQ=MONTHLY;BYDAY=+5MO;BYMONTHDAY=1',
  'FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2',
  'FREQ=MONTHLY;INTERVAL=12;BYMONTH=3',
  'FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=2',
  'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-30',
  'FREQ=YEARLY;BYMONTH=6,2,12,7;BYSETPOS=-15,75,-85',
])('%s has no date, and that is found out in few windows, none beyond the last date', (rule) => {
  const windows = vi.spyOn(RRuleTemporal.prototype, 'between');
  expect(take({ rule, startsOn: '2026-01-01' }, '2026-01-01', 1)).toEqual([]);
  expect(windows.mock.calls.length).toBeLessThanOrEqual(12);
  expect(windows.mock.calls.at(-1)?.[1]).toEqual(new Date(LAST_DATE));
  windows.mockRestore();
});

test('weekdays with and without numbers side by side are those that are either, as RFC 5545 has it', () => {
  expect(take({ rule: 'FREQ=MONTHLY;BYDAY=1MO,SU', startsOn: '2026-03-01' }, '2026-03-01', 6)).toEqual([
    '2026-03-01',
    '2026-03-02',
    '2026-03-08',
    '2026-03-15',
    '2026-03-22',
    '2026-03-29',
  ]);
});

test('positions from the end count from the end, and one that a month has not is none', () => {
  const rule = (position: number) => `FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=${position}`;
  expect(take({ rule: rule(-2), startsOn: '2026-03-01' }, '2026-03-01', 2)).toEqual(['2026-03-30', '2026-04-29']);
  expect(
    take({ rule: 'FREQ=MONTHLY;BYMONTHDAY=1,7;BYSETPOS=-1,3,2,1', startsOn: '2026-03-01' }, '2026-03-01', 3),
  ).toEqual(['2026-03-01', '2026-03-07', '2026-04-01']);
  expect(take({ rule: rule(-23), startsOn: '2026-01-01' }, '2026-01-01', 2)).toEqual(['2026-07-01', '2026-12-01']);
});

test('a date decades after the start is that of the same phase', () => {
  expect(take({ rule: 'FREQ=DAILY', startsOn: '1950-01-01' }, '2199-12-30', 9)).toEqual(['2199-12-30', LAST_DATE]);
  expect(take({ rule: 'FREQ=DAILY;INTERVAL=7', startsOn: '1950-01-01' }, '2150-01-01', 1)).toEqual(['2150-01-04']);
  expect(take({ rule: 'FREQ=WEEKLY;BYDAY=MO,FR', startsOn: '1950-01-01' }, '2150-01-01', 2)).toEqual([
    '2150-01-02',
    '2150-01-05',
  ]);
});

test.each([
  ['FREQ=YEARLY;BYDAY=1MO,SU', false],
  ['FREQ=YEARLY;BYDAY=SU,-1MO', false],
  ['FREQ=YEARLY;BYDAY=+4TU;BYMONTHDAY=22', false],
  ['FREQ=YEARLY;BYMONTHDAY=22;BYDAY=4TU', false],
  ['FREQ=YEARLY;BYDAY=4TU,-1MO', true],
  ['FREQ=YEARLY;BYDAY=SU;BYMONTHDAY=1', true],
  ['FREQ=YEARLY;BYDAY=1MO,SU;BYMONTH=5', true],
  ['FREQ=MONTHLY;BYDAY=1MO,SU', true],
])('a rule whose dates the library reckons otherwise than RFC 5545 is refused: %s, accepted %s', (rule, isAccepted) => {
  expect(recurringCreateInput.shape.rule.safeParse(rule).success).toBe(isAccepted);
});

test('a day that not every month has is passed over where it is missing, or falls on the last, as the rule says', () => {
  const of = (rule: string) => take({ rule: `FREQ=MONTHLY${rule}`, startsOn: '2027-01-30' }, '2027-01-31', 5);
  const year = (rule: string) =>
    take({ rule, startsOn: '2027-01-31' }, '2027-01-01', 12).filter((date) => date < '2028-01-01');
  expect(year('FREQ=MONTHLY')).toHaveLength(7);
  expect(year('FREQ=MONTHLY;BYMONTHDAY=-1')).toHaveLength(12);
  expect(of(';BYMONTHDAY=-1')).toEqual(['2027-01-31', '2027-02-28', '2027-03-31', '2027-04-30', '2027-05-31']);
  const thirtieth = ['2027-02-28', '2027-03-30', '2027-04-30', '2027-05-30', '2027-06-30'];
  expect(of(';BYMONTHDAY=28,29,30;BYSETPOS=-1')).toEqual(thirtieth);
});
