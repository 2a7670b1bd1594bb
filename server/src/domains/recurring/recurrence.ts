import { RRuleTemporal } from 'rrule-temporal';

/** No date lies beyond it, as in the ledger itself. So every search ends, whether it finds a date or not. */
export const LAST_DATE = '2199-12-31';

const DAY_MS = 24 * 60 * 60 * 1000;

/** The days of the first window that is searched. Most rules have a date in it. */
const FIRST_WINDOW_DAYS = 31;

/** More steps than there are days up to {@link LAST_DATE}: no search within it needs them, and one that would go on throws. */
const BOUNDS = { maxIterations: 100_000, maxCandidateEvaluations: 1_000_000, cache: false };

/** A rule with the day that it counts from. */
export type Recurrence = { rule: string; startsOn: string };

/**
 * The dates of a rule from one day to another, in order: those of a month, then of windows that are each twice as long as the one before. A window
 * is what bounds the library: its search for the next date goes on where there is none. Dates are calendar dates; no clock and no time zone shifts one. A rule
 * that names no day is of the day that it starts on.
 */
export function* datesFrom({ rule, startsOn }: Recurrence, from: string, to = LAST_DATE): Generator<string, void> {
  const rruleString = `DTSTART;VALUE=DATE:${startsOn.replaceAll('-', '')}\nRRULE:${rule}`;
  const recurrence = new RRuleTemporal({ rruleString, ...BOUNDS });
  const end = Date.parse(to < LAST_DATE ? to : LAST_DATE);
  let first = Date.parse(from > startsOn ? from : startsOn);
  for (let days = FIRST_WINDOW_DAYS; first <= end; days *= 2) {
    const last = Math.min(end, first + (days - 1) * DAY_MS);
    for (const date of recurrence.between(new Date(first), new Date(last), true)) yield date.toPlainDate().toString();
    first = last + DAY_MS;
  }
}
