import { AppError } from '../../kernel/errors.ts';

const DISTINCT_CHARACTERS_MIN = 5;

let common: Promise<ReadonlySet<string>> | undefined;

/**
 * Refuses a password that others try first: one of the 49,000 most common, in any case; one of fewer than five different characters; one that is the
 * e-mail address or its first part.
 *
 * @throws AppError VALIDATION_FAILED naming `field`
 */
export async function refuseCommonPassword(password: string, email: string, field: string): Promise<void> {
  const fault = await faultOf(password.normalize('NFKC').toLowerCase(), email);
  if (fault === null) return;
  throw new AppError('VALIDATION_FAILED', 'The password was refused; see details.', {
    details: [{ path: field, message: fault }],
  });
}

async function faultOf(text: string, email: string): Promise<string | null> {
  if (new Set(text).size < DISTINCT_CHARACTERS_MIN) {
    return `must have at least ${DISTINCT_CHARACTERS_MIN} different characters`;
  }
  if (text === email || text === email.split('@', 1)[0]) return 'must not be the e-mail address';
  return (await commonPasswords()).has(text) ? 'is one of the most common passwords' : null;
}

/** Loaded at the first use: a tenth of a second and a few megabytes that a server without registrations never needs. */
function commonPasswords(): Promise<ReadonlySet<string>> {
  common ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) => new Set(dictionary['passwords-common'].map((entry) => entry.toLowerCase())),
  );
  return common;
}
