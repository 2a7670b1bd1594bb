/** No date lies beyond it, as in the ledger itself. So every search ends, whether it finds a date or not. */
export const LAST_DATE = '2199-12-31';

const DAY_MS = 24 * 60 * 60 * 1000;
const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];

/** An RRULE of RFC 5545 (§ 3.3.10) as `recurringCreateInput` accepts it. Weekdays count from Monday, 0. Empty lists filter nothing. */
type Rule = {
  frequency: string;
  interval: number;
  weekdays: { weekday: number; nth: number | null }[];
  monthDays: number[];
  months: number[];
  positions: number[];
  weekStart: number;
};

/** Days from the first to the last, both included, as days since 1970-01-01: a day, week, month or year that a rule has dates in. */
export type Span = { first: number; last: number };

/** A rule with the day that it counts from. */
export type Recurrence = { rule: string; startsOn: string };

/**
 * The dates of a rule from a day on, in order, up to {@link LAST_DATE}. They are calendar dates, reckoned in whole days: no clock and no time zone shifts one.
 * A rule without any date costs as much as one walk over the spans, see {@link spansFrom}; a rule that names no day is of the day that it starts on.
 */
export function* datesFrom({ rule: text, startsOn }: Recurrence, from: string): Generator<string, void> {
  const rule = withDayOf(parseRule(text), startsOn);
  const first = dayOf(from > startsOn ? from : startsOn);
  for (const span of spansOf(rule, { startsOn, from: first })) {
    for (const day of datesIn(rule, span)) if (day >= first) yield dateOf(day);
  }
}

/** The spans that a search from a day on looks through: at most one for each day, week, month or year from there to {@link LAST_DATE}. */
export function spansFrom({ rule, startsOn }: Recurrence, from: string): Generator<Span, void> {
  return spansOf(parseRule(rule), { startsOn, from: dayOf(from > startsOn ? from : startsOn) });
}

/** Begins with the last span of the rule's phase that is not after `from`, so that the spans before it cost nothing. */
function* spansOf(rule: Rule, { startsOn, from }: { startsOn: string; from: number }): Generator<Span, void> {
  const unit = unitOf(rule);
  const phase = unit.numberOf(dayOf(startsOn));
  const end = dayOf(LAST_DATE);
  const passed = Math.floor((unit.numberOf(from) - phase) / rule.interval) * rule.interval;
  for (let number = phase + passed; unit.firstDay(number) <= end; number += rule.interval) {
    yield { first: unit.firstDay(number), last: Math.min(end, unit.firstDay(number + 1) - 1) };
  }
}

/** How the days are numbered by days, weeks, months or years. */
type Unit = { numberOf: (day: number) => number; firstDay: (number: number) => number };

function unitOf({ frequency, weekStart }: Rule): Unit {
  switch (frequency) {
    case 'DAILY':
      return { numberOf: (day) => day, firstDay: (number) => number };
    case 'WEEKLY': {
      // Day -3 was a Monday.
      const shift = weekStart - 3;
      return { numberOf: (day) => Math.floor((day - shift) / 7), firstDay: (number) => number * 7 + shift };
    }
    case 'MONTHLY':
      return { numberOf: (day) => monthNumberOf(day), firstDay: firstOfMonth };
    default:
      return { numberOf: (day) => Math.floor(monthNumberOf(day) / 12), firstDay: (year) => firstOfMonth(year * 12) };
  }
}

/** The days of a span that the rule is of, in order. */
function datesIn(rule: Rule, span: Span): number[] {
  const days: number[] = [];
  const isOfMonth = rule.frequency === 'MONTHLY' || rule.frequency === 'YEARLY';
  if (!isOfMonth) {
    for (let day = span.first; day <= span.last; day += 1) if (isWeekday(rule, day, span)) days.push(day);
    return days;
  }
  for (let month = monthNumberOf(span.first); firstOfMonth(month) <= span.last; month += 1) {
    if (rule.months.length > 0 && !rule.months.includes((month % 12) + 1)) continue;
    const whole = { first: firstOfMonth(month), last: firstOfMonth(month + 1) - 1 };
    // "The second Monday" is that of the month, unless the rule is of a year and names no months.
    const counted = rule.frequency === 'YEARLY' && rule.months.length === 0 ? span : whole;
    for (let day = whole.first; day <= whole.last; day += 1)
      if (isMonthDay(rule, day, whole) && isWeekday(rule, day, counted)) days.push(day);
  }
  return rule.positions.length === 0 ? days : atPositions(days, rule.positions);
}

function isMonthDay({ monthDays }: Rule, day: number, month: Span): boolean {
  return (
    monthDays.length === 0 || monthDays.includes(day - month.first + 1) || monthDays.includes(day - month.last - 1)
  );
}

function isWeekday({ weekdays }: Rule, day: number, counted: Span): boolean {
  if (weekdays.length === 0) return true;
  const weekday = weekdayOf(day);
  const fromFirst = Math.floor((day - counted.first) / 7) + 1;
  const fromLast = -Math.floor((counted.last - day) / 7) - 1;
  return weekdays.some(
    (each) => each.weekday === weekday && (each.nth === null || each.nth === fromFirst || each.nth === fromLast),
  );
}

function atPositions(days: readonly number[], positions: readonly number[]): number[] {
  const at = (position: number) => days.at(position > 0 ? position - 1 : position);
  const chosen = new Set(positions.map(at));
  return days.filter((day) => chosen.has(day));
}

/** What a rule leaves open is taken from the day that it starts on. */
function withDayOf(rule: Rule, startsOn: string): Rule {
  if (rule.weekdays.length > 0 || rule.monthDays.length > 0) return rule;
  const monthDays = [Number(startsOn.slice(8))];
  switch (rule.frequency) {
    case 'DAILY':
      return rule;
    case 'WEEKLY':
      return { ...rule, weekdays: [{ weekday: weekdayOf(dayOf(startsOn)), nth: null }] };
    case 'MONTHLY':
      return { ...rule, monthDays };
    default:
      return { ...rule, monthDays, months: rule.months.length > 0 ? rule.months : [Number(startsOn.slice(5, 7))] };
  }
}

function parseRule(text: string): Rule {
  const parts = new Map(text.split(';').map((part) => part.split('=') as [string, string]));
  const numbers = (name: string) => parts.get(name)?.split(',').map(Number) ?? [];
  const weekdays = parts.get('BYDAY')?.split(',') ?? [];
  return {
    frequency: parts.get('FREQ') ?? '',
    interval: Number(parts.get('INTERVAL') ?? 1),
    weekdays: weekdays.map((name) => ({
      weekday: WEEKDAYS.indexOf(name.slice(-2)),
      nth: name.length > 2 ? Number(name.slice(0, -2)) : null,
    })),
    monthDays: numbers('BYMONTHDAY'),
    months: numbers('BYMONTH'),
    positions: numbers('BYSETPOS'),
    weekStart: WEEKDAYS.indexOf(parts.get('WKST') ?? 'MO'),
  };
}

function weekdayOf(day: number): number {
  // 1970-01-01, day 0, was a Thursday.
  return (((day + 3) % 7) + 7) % 7;
}

/** Months since the year 0. */
function monthNumberOf(day: number): number {
  const date = new Date(day * DAY_MS);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function firstOfMonth(number: number): number {
  return Date.UTC(Math.floor(number / 12), number % 12, 1) / DAY_MS;
}

function dayOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
