import { datesFrom } from './recurrence.ts';

/** When something is due: on the dates of the rule from the first to the last. */
export type Schedule = { rule: string; startsOn: string; lastOn: string | null };

/** Up to so many due dates from a day on, in order, of those for which `isFree` holds. */
export function dueDates(
  { rule, startsOn, lastOn }: Schedule,
  from: string,
  limit: number,
  isFree: (date: string) => boolean = () => true,
): string[] {
  const dates: string[] = [];
  for (const date of datesFrom({ rule, startsOn }, from, lastOn ?? undefined)) {
    if (isFree(date) && dates.push(date) >= limit) break;
  }
  return dates;
}

/** Whether a day is one of the due dates. */
export function isDueDate(schedule: Schedule, date: string): boolean {
  if (schedule.lastOn !== null && date > schedule.lastOn) return false;
  return firstDueDate({ ...schedule, lastOn: date }, date) === date;
}

/** The first due date from a day on for which `isFree` holds; null where there is none. */
export function firstDueDate(
  schedule: Schedule,
  from: string,
  isFree: (date: string) => boolean = () => true,
): string | null {
  return dueDates(schedule, from, 1, isFree)[0] ?? null;
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

/** The day before a date. */
export function dayBefore(date: string): string {
  return new Date(Date.parse(date) - 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
}

const UTC_PLUS_14_MS = 14 * 60 * 60 * 1000;

/** The latest date that it is anywhere. */
export function latestDateAnywhere(epochMs: number): string {
  return new Date(epochMs + UTC_PLUS_14_MS).toISOString().slice(0, 10);
}
