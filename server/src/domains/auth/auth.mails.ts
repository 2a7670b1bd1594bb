import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { randomHex } from '../../kernel/random.ts';
import type { ComposeMail, MailContent } from '../mail/index.ts';
import { drawMailCode, isMailCodeWanted } from './mail-codes.repository.ts';
import { digest } from './secrets.ts';

/** The mails of this domain. `nothing` is sent to nobody: it costs what the others cost. */
export type AuthMail =
  | 'registration'
  | 'account_exists'
  | 'verify_email'
  | 'reset_password'
  | 'change_email'
  | 'address_taken'
  | 'password_changed'
  | 'password_reset'
  | 'email_changed'
  | 'deletion_requested'
  | 'nothing';

const HOUR_MS = 60 * 60 * 1000;

/** How long a mailed code counts. */
export const CODE_HOURS = { registration: 24, verify_email: 24, reset_password: 1, change_email: 1 } as const;

const CODE_BYTES = 16;

type CodeMail = keyof typeof CODE_HOURS;
type Text = { subject: string; lines: string[]; page?: string };

const CODE_MAILS: Record<CodeMail, Text> = {
  registration: {
    subject: 'Complete your registration',
    lines: [
      'Somebody, hopefully you, began a registration with this address. It is completed by this link:',
      'Choose your password there, then sign in with it. If it was not you, do nothing: no account comes of it.',
    ],
    page: 'complete-registration',
  },
  verify_email: {
    subject: 'Confirm your e-mail address',
    lines: [
      'Please confirm that this address is yours:',
      'If you have no account with us, somebody mistyped their address; do nothing.',
    ],
    page: 'verify-email',
  },
  reset_password: {
    subject: 'Set a new password',
    lines: [
      'Somebody, hopefully you, asked for a new password. Set it here:',
      'If it was not you, do nothing: your password stays as it is.',
    ],
    page: 'reset-password',
  },
  change_email: {
    subject: 'Confirm your new e-mail address',
    lines: [
      'This address is to become the one of your account. Confirm it here, where you are signed in:',
      'If it was not you, do nothing: no account changes.',
    ],
    page: 'confirm-email',
  },
};

const NOTICES: Record<Exclude<AuthMail, CodeMail | 'nothing'>, Text> = {
  account_exists: {
    subject: 'You have an account already',
    lines: [
      'Somebody, hopefully you, tried to register with this address, which has an account already.',
      'Sign in with its password, or ask for a new one. If it was not you, there is nothing to do.',
    ],
  },
  address_taken: {
    subject: 'This address has an account already',
    lines: [
      'Somebody tried to move another account to this address, which has an account of its own already. Nothing was changed.',
    ],
  },
  password_changed: {
    subject: 'Your password was changed',
    lines: [
      'The password of your account was changed, and your other sessions were ended. API tokens stay as they are.',
      'If it was not you, set a new password at once, and look through your API tokens.',
    ],
  },
  password_reset: {
    subject: 'Your password was changed',
    lines: [
      'The password of your account was set anew by a code from a mail to this address. All sessions and API tokens were ended.',
      'If it was not you, somebody reads your mail: secure your mailbox, then set a new password.',
    ],
  },
  email_changed: {
    subject: 'Your e-mail address was changed',
    lines: [
      'Your account has another e-mail address now, and this one is its address no longer. Your other sessions were ended.',
      'If it was not you, write to the operator of this server at once.',
    ],
  },
  deletion_requested: {
    subject: 'Your account will be deleted',
    lines: [
      'The deletion of your account was asked for. In 30 days it goes, with everything that is in it.',
      'If you sign in before, it stays.',
    ],
  },
};

type ComposeOptions = { database: Database; clock: Clock; publicUrl: string };

/**
 * Writes this domain's mails. A code is drawn here, at the last moment, and only its hash is stored: it is nowhere but in the mail. When a mail is tried
 * again it has a new code, and the one before counts no longer.
 */
export function composeAuthMails({ database, clock, publicUrl }: ComposeOptions): ComposeMail {
  return async ({ kind, reference }) => {
    if (isNotice(kind)) return content(NOTICES[kind], null);
    if (!isCodeMail(kind) || reference === null) return null;
    const em = database.em();
    // Used or taken back meanwhile: a code would lead nowhere.
    if (!(await isMailCodeWanted(em, reference))) return null;
    const code = randomHex(CODE_BYTES);
    const expiresAtMs = clock.now() + CODE_HOURS[kind] * HOUR_MS;
    await drawMailCode(em, reference, { codeHash: digest(code), expiresAtMs });
    const text = CODE_MAILS[kind];
    // Behind the #, so that it is in no server's log, and no scanner that follows the link uses it up.
    const link = `${publicUrl}/account/${text.page}#code=${code}`;
    return content(text, { code, link, hours: CODE_HOURS[kind] });
  };
}

function content({ subject, lines }: Text, code: { code: string; link: string; hours: number } | null): MailContent {
  const [first = '', ...rest] = lines;
  const validity = code?.hours === 1 ? 'one hour' : `${code?.hours} hours`;
  const middle = code ? [code.link, `The code is ${code.code}. It counts once, for ${validity}.`] : [];
  return {
    subject: `FinVerse: ${subject}`,
    text: `${[first, ...middle, ...rest].join('\n\n')}\n`,
    link: code?.link ?? null,
  };
}

function isCodeMail(kind: string): kind is CodeMail {
  return Object.hasOwn(CODE_MAILS, kind);
}

function isNotice(kind: string): kind is keyof typeof NOTICES {
  return Object.hasOwn(NOTICES, kind);
}
