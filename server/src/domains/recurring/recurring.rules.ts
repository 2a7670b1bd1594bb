import { createRequire } from 'node:module';
import type * as RRuleLibrary from 'rrule';

// The package is CommonJS whose names Node cannot see, and its types are those of a module.
const { RRule } = createRequire(import.meta.url)('rrule') as typeof RRuleLibrary;

/** No date lies beyond it; so a rule without any date is found out. */
const LAST_DATE = '2199-12-31';
const DAY_MS = 24 * 60 * 60 * 1000;

/** When something is due: on the dates of the rule from the first to the last. */
export type Schedule = { rule: string; startsOn: string; lastOn: string | null };

/**
 * Up to so many due dates from a day on, in order. Dates are reckoned as calendar dates: at midnight UTC, where no clock is ever put back, so that no time
 * zone shifts one.
 */
export function dueDates(schedule: Schedule, from: string, limit: number): string[] {
  const dates: string[] = [];
  walk(schedule, from, (date) => dates.push(date) < limit);
  return dates;
}

/** The first due date from a day on for which `isFree` holds; null where there is none. */
export function firstDueDate(schedule: Schedule, from: string, isFree: (date: string) => boolean): string | null {
  let found: string | null = null;
  walk(schedule, from, (date) => {
    if (isFree(date)) found = date;
    return found === null;
  });
  return found;
}

/** The last day that can be due: the end, or the last of a number of dates, whichever is earlier. Null where it goes on. */
export function lastDueDate(bounds: {
  rule: string;
  startsOn: string;
  endsOn: string | null;
  count: number | null;
}): string | null {
  const { rule, startsOn, endsOn, count } = bounds;
  if (count === null) return endsOn;
  return dueDates({ rule, startsOn, lastOn: endsOn }, startsOn, count).at(-1) ?? endsOn;
}

/** Visits the due dates from a day on until `visit` answers false. */
function walk({ rule, startsOn, lastOn }: Schedule, from: string, visit: (date: string) => boolean): void {
  const first = from > startsOn ? from : startsOn;
  const options = { ...startNear(rule, startsOn, first), until: toUtc(lastOn ?? LAST_DATE) };
  new RRule(options, true).all((instant) => {
    const date = toDate(instant);
    return date < first || visit(date);
  });
}

/**
 * The rule, begun a whole number of its periods later, so that years of dates need not be counted again for each next one: the library counts from the
 * start. What it would take from the date of the start stands in the rule then.
 */
function startNear(rule: string, startsOn: string, from: string): Partial<RRuleLibrary.Options> {
  const options = RRule.parseString(rule);
  const interval = options.interval ?? 1;
  const periods = (units: number) => Math.max(0, Math.floor(units / interval)) * interval;
  const start = toUtc(startsOn);
  const days = Math.floor((toUtc(from).getTime() - start.getTime()) / DAY_MS);
  switch (options.freq) {
    case RRule.DAILY:
      return { ...options, dtstart: new Date(start.getTime() + periods(days) * DAY_MS) };
    case RRule.WEEKLY: {
      // One period earlier: a week that began before the day may still have dates.
      const weeks = Math.max(0, periods(Math.floor(days / 7)) - interval);
      return { ...options, dtstart: new Date(start.getTime() + weeks * 7 * DAY_MS) };
    }
    case RRule.MONTHLY: {
      const months = monthNumber(from) - monthNumber(startsOn);
      return { ...withDay(options, start), dtstart: firstOfMonth(monthNumber(startsOn) + periods(months)) };
    }
    default: {
      const year = start.getUTCFullYear();
      const years = periods(toUtc(from).getUTCFullYear() - year);
      const bymonth = options.bymonth ?? (hasDays(options) ? null : start.getUTCMonth() + 1);
      return { ...withDay(options, start), bymonth, dtstart: firstOfMonth((year + years) * 12) };
    }
  }
}

function hasDays({ byweekday, bymonthday }: Partial<RRuleLibrary.Options>): boolean {
  return (byweekday ?? null) !== null || (bymonthday ?? null) !== null;
}

/** A rule that names no day is of the day of its start. */
function withDay(options: Partial<RRuleLibrary.Options>, start: Date): Partial<RRuleLibrary.Options> {
  return hasDays(options) ? options : { ...options, bymonthday: start.getUTCDate() };
}

function monthNumber(date: string): number {
  return Number(date.slice(0, 4)) * 12 + Number(date.slice(5, 7)) - 1;
}

function firstOfMonth(number: number): Date {
  return new Date(Date.UTC(Math.floor(number / 12), number % 12, 1));
}

function toUtc(date: string): Date {
  return new Date(`${date}T00:00:00Z`);
}

function toDate(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}

/** The calendar date of an instant in a time zone. */
export function dateIn(timeZone: string, epochMs: number): string {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return parts.format(epochMs);
}

const UTC_PLUS_14_MS = 14 * 60 * 60 * 1000;

/** The latest date that it is anywhere. */
export function latestDateAnywhere(epochMs: number): string {
  return toDate(new Date(epochMs + UTC_PLUS_14_MS));
}
