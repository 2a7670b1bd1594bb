import { z } from 'zod';
import { idInput, instantOut, wholeListOf } from './common.ts';
import { scopeSchema } from './scopes.ts';
import { emailSchema, lineSchema, userOut } from './users.ts';

/** The fewest characters of a new password. */
export const PASSWORD_LENGTH_MIN = 10;

/** A password that exists: whether it is a good one was asked when it was set. */
const passwordSchema = z.string().min(1).max(256);

const TOO_SHORT = `must have at least ${PASSWORD_LENGTH_MIN} characters`;

/**
 * A password to be set. Its characters are counted as they are hashed: composed, and each as one. Halves of surrogate pairs are none, since all of them are hashed
 * alike. That it is none of the most common ones is the server's to check.
 */
const newPasswordSchema = z
  .string()
  .min(PASSWORD_LENGTH_MIN, TOO_SHORT)
  .max(256)
  .refine((text) => text.isWellFormed(), 'must be text without halves of surrogate pairs')
  // Shorter ones are refused already.
  .refine((text) => charactersOf(text) < PASSWORD_LENGTH_MIN || isLongComposed(text), TOO_SHORT);

function isLongComposed(text: string): boolean {
  return charactersOf(text.normalize('NFKC')) >= PASSWORD_LENGTH_MIN;
}

function charactersOf(text: string): number {
  return Array.from(text).length;
}

/** A code from a mail. */
const mailCodeSchema = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .regex(/^[\x21-\x7e]*$/, 'must be the code that was mailed');

/** Apps show codes in groups, and people type them so. */
function withoutSpaces(code: string): string {
  return code.replaceAll(/\s/g, '');
}

/** The authenticator app's six digits, or a recovery code. */
const secondFactorSchema = z
  .string()
  .max(64)
  .overwrite(withoutSpaces)
  .min(6)
  .max(32)
  .meta({ description: 'The six digits of the authenticator app, or a recovery code' });

/** Login by e-mail address and password, and by the second factor where the account has one. */
export const loginInput = z.strictObject({
  email: emailSchema,
  password: passwordSchema,
  code: secondFactorSchema.optional(),
});

/** A new session: `token` serves as `Authorization: Bearer`, a browser gets the cookie as well. */
export const sessionOut = z.object({ token: z.string(), expiresAt: instantOut, user: userOut });
export type SessionOut = z.infer<typeof sessionOut>;

export const registerInput = z.strictObject({
  email: emailSchema,
  password: newPasswordSchema,
  name: lineSchema.optional(),
});
export type RegisterInput = z.output<typeof registerInput>;

/** A session where registration is open; otherwise word that a mail is on its way, the same for known and unknown addresses. */
export const registerOut = z.union([sessionOut, z.object({ verificationSent: z.literal(true) })]);
export type RegisterOut = z.infer<typeof registerOut>;

export const mailCodeInput = z.strictObject({ code: mailCodeSchema });

/** What completes a registration, with the password of the new account; or, without one, what confirms the address of an account that is. */
export const verifyEmailInput = z.strictObject({
  code: mailCodeSchema,
  password: newPasswordSchema
    .optional()
    .meta({ description: 'Where the code completes a registration: the password that the account gets' }),
});
export type VerifyEmailInput = z.output<typeof verifyEmailInput>;
export const passwordResetRequestInput = z.strictObject({ email: emailSchema });
export const passwordResetConfirmInput = z.strictObject({ code: mailCodeSchema, newPassword: newPasswordSchema });
export const passwordChangeInput = z.strictObject({ currentPassword: passwordSchema, newPassword: newPasswordSchema });
export const emailChangeInput = z.strictObject({ email: emailSchema, password: passwordSchema });

/** The answer of what has nothing to say. */
export const doneOut = z.object({});

export const idOnlyInput = z.strictObject({ id: idInput });

/** A session of one's own. Its token is told once, at login. */
const sessionInfoOut = z.object({
  id: z.string(),
  createdAt: instantOut,
  lastUsedAt: instantOut.meta({ description: 'To five minutes' }),
  expiresAt: instantOut,
  userAgent: z.string().nullable().meta({ description: 'What the client called itself at login' }),
  isCurrent: z.boolean(),
});
export type SessionInfoOut = z.infer<typeof sessionInfoOut>;

/** All sessions of a person, the newest first. They are at most 100. */
export const sessionsOut = wholeListOf(sessionInfoOut);
export const sessionsEndedOut = z.object({ ended: z.number().int() });

/** How long an API token may live, and does where nothing is said. */
export const TOKEN_DAYS_MAX = 3_650;
const TOKEN_DAYS_DEFAULT = 90;

export const tokenInput = z.strictObject({
  name: lineSchema,
  scopes: z
    .array(scopeSchema)
    .min(1)
    .max(64)
    .transform((list) => [...new Set(list)]),
  expiresInDays: z.number().int().min(1).max(TOKEN_DAYS_MAX).default(TOKEN_DAYS_DEFAULT),
});
export type TokenInput = z.output<typeof tokenInput>;

const tokenOut = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(scopeSchema),
  createdAt: instantOut,
  expiresAt: instantOut,
  lastUsedAt: instantOut.nullable().meta({ description: 'To five minutes' }),
});
export type TokenOut = z.infer<typeof tokenOut>;

/** All API tokens of a person, the newest first. They are at most 50. */
export const tokensOut = wholeListOf(tokenOut);

/** A new API token; this answer alone holds the token itself. */
export const newTokenOut = tokenOut.extend({ token: z.string().meta({ description: '`fv_…`, told once' }) });
export type NewTokenOut = z.infer<typeof newTokenOut>;

export const totpStatusOut = z.object({ isEnabled: z.boolean(), recoveryCodesLeft: z.number().int() });
export type TotpStatusOut = z.infer<typeof totpStatusOut>;

export const totpBeginInput = z.strictObject({ password: passwordSchema });

/** A secret for an authenticator app. It counts from the moment a code of it was confirmed. */
export const totpBeginOut = z.object({
  secret: z.string().meta({ description: 'Base32, for typing in' }),
  uri: z.string().meta({ description: '`otpauth://…`, for a QR code' }),
});
export type TotpBeginOut = z.infer<typeof totpBeginOut>;

export const totpCodeInput = z.strictObject({
  code: z
    .string()
    .max(64)
    .overwrite(withoutSpaces)
    .regex(/^\d{6}$/, 'must be six digits'),
});

/** Recovery codes, told once. Each stands in for the authenticator app one time. */
export const recoveryCodesOut = z.object({ recoveryCodes: z.array(z.string()) });
export type RecoveryCodesOut = z.infer<typeof recoveryCodesOut>;

/** Both factors, for what weakens the second. */
export const bothFactorsInput = z.strictObject({ password: passwordSchema, code: secondFactorSchema });

/** For the deletion of an account: the password, and the second factor where the account has one. */
export const accountDeletionInput = z.strictObject({ password: passwordSchema, code: secondFactorSchema.optional() });
