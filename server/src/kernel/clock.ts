/** The only place that reads the time. Tests hand in their own. */
export type Clock = {
  /** Milliseconds since the epoch, wall clock. */
  now(): number;
  /** Milliseconds on a clock that never goes back, for durations. */
  monotonic(): number;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** An instant in milliseconds as ISO 8601 UTC with milliseconds. */
export function toInstant(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** The calendar date of an instant in an IANA time zone. */
export function dateIn(timeZone: string, epochMs: number): string {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return parts.format(epochMs);
}

/** A chain's time in whole seconds as ISO 8601 UTC with milliseconds. */
export function secondsToInstant(epochSeconds: number): string {
  return toInstant(epochSeconds * 1000);
}
