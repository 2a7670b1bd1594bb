import type { ErrorDetail } from '@finverse/shared';
import type { ZodError } from 'zod';

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
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return [{ path: pathText(issue.path), message: isMissing ? 'is required' : issue.message }];
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map(String).join('.').slice(0, PATH_LENGTH_MAX);
}
