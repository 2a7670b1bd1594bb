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
    case 'invalid_value': {
      const [only, ...others] = issue.values.map(String);
      return others.length > 0 ? `must be one of ${[only, ...others].join(', ')}` : `must be ${only}`;
    }
    case 'invalid_union':
      return 'must be one of the kinds that are documented';
    default:
      return undefined;
  }
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
