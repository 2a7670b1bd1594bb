import type { ErrorDetail } from '@finverse/shared';
import type { ZodError } from 'zod';
import { speakPlainly } from './validation-messages.ts';

// Before anything is parsed: zod makes the messages of a refusal where it refuses.
speakPlainly();

const DETAILS_MAX = 50;
const PATH_LENGTH_MAX = 200;

/** One detail for each bad field of a refused input, in the casing of the schema. Unknown fields are named too. */
export function validationDetails(error: ZodError): ErrorDetail[] {
  return error.issues.flatMap(describeIssue).slice(0, DETAILS_MAX);
}

function describeIssue(issue: ZodError['issues'][number]): ErrorDetail[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message: 'unknown field' }));
  }
  return [{ path: pathText(issue.path), message: issue.message }];
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map(String).join('.').slice(0, PATH_LENGTH_MAX);
}
