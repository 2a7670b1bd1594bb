import { z } from 'zod';

type Issue = z.core.$ZodRawIssue;

/** What is expected, as a person would call it. */
const TYPES: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
};

/** What the size of a value counts. */
const UNITS: Record<string, string> = { string: 'character', array: 'item' };

/**
 * Why a value is refused, in plain English: what the field must be. What a schema says itself goes before it; undefined leaves zod's own words.
 *
 * @example plainMessage(issue) // 'must have at most 100 characters'
 */
function plainMessage(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is required';
      return TYPES[issue.expected] && `must be ${TYPES[issue.expected]}`;
    case 'too_big':
      return boundOf({ ...issue, bound: issue.maximum, least: 'at most', beyond: 'below' });
    case 'too_small':
      if (issue.minimum === 1 && issue.origin in UNITS) return 'must not be empty';
      return boundOf({ ...issue, bound: issue.minimum, least: 'at least', beyond: 'above' });
    case 'invalid_value':
      return oneOf(issue.values);
    case 'invalid_union':
      // What a discriminated union goes by; any other says no more than that nothing fits.
      return Array.isArray(issue['options']) ? oneOf(issue['options']) : 'must be one of the kinds that are documented';
    default:
      return undefined;
  }
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? `must be ${String(values[0])}` : `must be one of ${values.map(String).join(', ')}`;
}

type Bound = {
  origin: string;
  bound: number | bigint;
  exact?: boolean | undefined;
  inclusive?: boolean | undefined;
  least: string;
  beyond: string;
};

function boundOf({ origin, bound, exact, inclusive, least, beyond }: Bound): string {
  const unit = UNITS[origin];
  if (unit === undefined) return `must be ${inclusive === false ? beyond : least} ${bound}`;
  return `must have ${exact ? 'exactly' : least} ${bound} ${unit}${Number(bound) === 1 ? '' : 's'}`;
}

/** Has every schema of this process speak so. */
export function speakPlainly(): void {
  z.config({ customError: plainMessage });
}
