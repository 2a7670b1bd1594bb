import { defineEntity, p } from '@mikro-orm/core';
import { epochMsColumn, idColumn } from '../../db/index.ts';
import { EMAIL_LENGTH, UserSchema } from '../users/index.ts';

/** A SHA-256 as 64 lower-case hex digits. What is hashed has at least 80 random bits, so nobody tries them all. */
const digestColumn = () => p.string().length(64);

/** A session. `id` is the SHA-256 of the token as hex, so that who reads the table cannot sign in with it. */
export const SessionSchema = defineEntity({
  name: 'Session',
  tableName: 'sessions',
  properties: {
    id: digestColumn().primary(),
    /** What its owner knows it by. */
    handle: idColumn().unique(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade'),
    expiresAt: epochMsColumn().index(),
    createdAt: epochMsColumn(),
    lastUsedAt: epochMsColumn(),
    userAgent: p.string().length(200).nullable(),
  },
});

/** A code that was mailed, or is about to be. It counts once, and for what it was made. The row outlives it: it also says that there was a mail. */
export const MailCodeSchema = defineEntity({
  name: 'MailCode',
  tableName: 'mail_codes',
  indexes: [{ properties: ['email', 'createdAt'] }],
  properties: {
    id: idColumn().primary(),
    purpose: p.string().length(16),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade').nullable(),
    email: p.string().length(EMAIL_LENGTH),
    /** What a registration that is not completed yet will begin with. */
    name: p.string().length(100).nullable(),
    /** Null until the mail is written: the code itself is nowhere but in the mail. */
    codeHash: digestColumn().unique().nullable(),
    createdAt: epochMsColumn(),
    expiresAt: epochMsColumn().index(),
  },
});

/** An API token, by its SHA-256. */
export const ApiTokenSchema = defineEntity({
  name: 'ApiToken',
  tableName: 'api_tokens',
  properties: {
    id: idColumn().primary(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade'),
    tokenHash: digestColumn().unique(),
    name: p.string().length(100),
    /** Separated by spaces. */
    scopes: p.string().length(1000),
    createdAt: epochMsColumn(),
    expiresAt: epochMsColumn().index(),
    lastUsedAt: epochMsColumn().nullable(),
  },
});

/** The second factor of a person. It counts once a code of it was confirmed. */
export const TotpSchema = defineEntity({
  name: 'Totp',
  tableName: 'totp_factors',
  properties: {
    id: idColumn().primary(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade').unique(),
    /** Base32. Checking a code needs it as it is, so it cannot be hashed. */
    secret: p.string().length(64),
    confirmedAt: epochMsColumn().nullable(),
    /** The step of 30 s that the last accepted code was of; nothing up to it is accepted again. */
    lastStep: epochMsColumn(),
    /** Wrong codes since the last right one, and until when no code is looked at after too many. */
    failures: p.integer(),
    lockedUntil: epochMsColumn(),
  },
});

/** What stands in for the second factor one time; its row goes with its use. */
export const RecoveryCodeSchema = defineEntity({
  name: 'RecoveryCode',
  tableName: 'recovery_codes',
  uniques: [{ properties: ['user', 'codeHash'] }],
  properties: {
    id: idColumn().primary(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade'),
    codeHash: digestColumn(),
  },
});

export const authEntities = [SessionSchema, MailCodeSchema, ApiTokenSchema, TotpSchema, RecoveryCodeSchema];
