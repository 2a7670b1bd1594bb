import { recurringCreateInput } from '@finverse/shared';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dateIn } from '../../kernel/clock.ts';
import { dueDates, lastDueDate, type Schedule } from './recurring.rules.ts';

const schedule = (rule: string, startsOn: string, rest: Partial<Schedule> = {}): Schedule => ({
  rule,
  startsOn,
  lastOn: null,
  ...rest,
});
const take = (from: Schedule, number: number, start = from.startsOn) => dueDates(from, start, number);

test('the last day of a month is the last day of every month', () => {
  expect(take(schedule('FREQ=MONTHLY;BYMONTHDAY=-1', '2024-01-15'), 4)).toEqual([
    '2024-01-31',
    '2024-02-29',
    '2024-03-31',
    '2024-04-30',
  ]);
});

test('a month without the day is passed over, as RFC 5545 has it', () => {
  expect(take(schedule('FREQ=MONTHLY', '2026-01-31'), 3)).toEqual(['2026-01-31', '2026-03-31', '2026-05-31']);
});

test('no change of summer time and no time zone of the machine shifts a date', () => {
  const zone = process.env['TZ'];
  try {
    for (const TZ of ['UTC', 'America/Sao_Paulo', 'Pacific/Apia', 'Europe/Berlin']) {
      process.env['TZ'] = TZ;
      expect(take(schedule('FREQ=WEEKLY;BYDAY=SU', '2026-03-22'), 3), TZ).toEqual([
        '2026-03-22',
        '2026-03-29',
        '2026-04-05',
      ]);
      expect(take(schedule('FREQ=DAILY', '2026-10-24'), 3), TZ).toEqual(['2026-10-24', '2026-10-25', '2026-10-26']);
    }
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});

test('end and count end it, whichever is earlier', () => {
  const weekly = { rule: 'FREQ=WEEKLY', startsOn: '2026-01-05', endsOn: null, count: null };
  expect(lastDueDate(weekly)).toBeNull();
  expect(lastDueDate({ ...weekly, count: 3 })).toBe('2026-01-19');
  expect(lastDueDate({ ...weekly, count: 3, endsOn: '2026-01-13' })).toBe('2026-01-12');
  expect(lastDueDate({ ...weekly, endsOn: '2026-01-13' })).toBe('2026-01-13');
  expect(take(schedule('FREQ=WEEKLY', '2026-01-05', { lastOn: '2026-01-19' }), 9, '2026-01-13')).toEqual([
    '2026-01-19',
  ]);
});

test('wherever one asks from, the dates are those that counting from the start gives', () => {
  const rule = fc.constantFrom(
    'FREQ=DAILY;INTERVAL=3',
    'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;WKST=SU',
    'FREQ=WEEKLY;INTERVAL=3',
    'FREQ=MONTHLY;BYDAY=-1FR',
    'FREQ=MONTHLY;INTERVAL=5',
    'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1',
    'FREQ=YEARLY',
    'FREQ=YEARLY;INTERVAL=2;BYMONTH=3,9',
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29',
  );
  const start = fc.constantFrom('2024-01-10', '2023-08-31', '2024-02-29');
  fc.assert(
    fc.property(rule, start, fc.nat({ max: 1500 }), (text, startsOn, offset) => {
      const whole = take(schedule(text, startsOn, { lastOn: '2035-12-31' }), 2000);
      const from = new Date(Date.parse(startsOn) + offset * 86_400_000).toISOString().slice(0, 10);
      const rest = whole.filter((date) => date >= from).slice(0, 5);
      expect(take(schedule(text, startsOn, { lastOn: '2035-12-31' }), 5, from)).toEqual(rest);
    }),
    { numRuns: 60 },
  );
});

test('the day of an instant is the day of the zone', () => {
  const at = Date.parse('2026-01-01T10:30:00Z');
  expect(['Pacific/Auckland', 'UTC', 'Pacific/Honolulu'].map((zone) => dateIn(zone, at))).toEqual([
    '2026-01-01',
    '2026-01-01',
    '2026-01-01',
  ]);
  expect(dateIn('Pacific/Kiritimati', at)).toBe('2026-01-02');
  expect(dateIn('Pacific/Honolulu', Date.parse('2026-01-01T09:59:00Z'))).toBe('2025-12-31');
});

test.each([
  'FREQ=HOURLY',
  'FREQ=SECONDLY;INTERVAL=1',
  'INTERVAL=2;FREQ=DAILY',
  'FREQ=DAILY;COUNT=3',
  'FREQ=DAILY;UNTIL=20260101',
  'FREQ=DAILY;INTERVAL=0',
  'FREQ=DAILY;INTERVAL=2;INTERVAL=3',
  'FREQ=MONTHLY;BYMONTHDAY=32',
  'FREQ=DAILY;BYHOUR=3',
  'FREQ=DAILY;BYMONTH=2',
  'FREQ=DAILY;INTERVAL=2;BYDAY=MO',
  'FREQ=WEEKLY;BYDAY=2MO',
  'FREQ=WEEKLY;BYMONTH=2',
  'FREQ=DAILY\nDTSTART:20260101',
  '',
])('the rule %j is refused', (rule) => {
  const draft = { kind: 'expense', accountId: 'acc_1', amount: '1' };
  const parsed = recurringCreateInput.safeParse({ name: 'x', draft, startsOn: '2026-01-01', rule });
  expect(new Set(parsed.error?.issues.map(({ path }) => path.join('.')))).toEqual(new Set(['rule']));
});
