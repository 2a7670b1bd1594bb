import { defineEntity, p } from '@mikro-orm/core';
import { addressColumn, epochMsColumn, idColumn } from '../../db/index.ts';

/** The longest e-mail address that SMTP carries (RFC 5321, erratum 1690). */
export const EMAIL_LENGTH = 254;

/** A person. `email` is lower case; `passwordHash` is a PHC string of Argon2id. Everything of a person goes with this row. */
export const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: idColumn().primary(),
    email: p.string().length(EMAIL_LENGTH).unique(),
    passwordHash: p.string().length(255),
    role: p.string().length(8),
    createdAt: epochMsColumn(),
    name: p.string().length(100).nullable(),
    avatarUrl: p.string().length(2048).nullable(),
    baseCurrency: p.string().length(3).default('USD'),
    timeZone: p.string().length(64).default('UTC'),
    locale: p.string().length(35).default('en'),
    /** Null until a code that was mailed to the address came back. */
    emailVerifiedAt: epochMsColumn().nullable(),
    /** When the account is to be deleted; null where nobody asked for it. */
    deletionAt: epochMsColumn().nullable().index(),
  },
});

/** An address whose positions a person follows. Following needs no proof of ownership. */
export const WatchedAddressSchema = defineEntity({
  name: 'WatchedAddress',
  tableName: 'watched_addresses',
  uniques: [{ properties: ['user', 'address'] }],
  properties: {
    id: idColumn().primary(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade'),
    address: addressColumn(),
    createdAt: epochMsColumn(),
  },
});

/** A setting that a frontend keeps for a person. The server reads none of them. */
export const PreferenceSchema = defineEntity({
  name: 'Preference',
  tableName: 'preferences',
  uniques: [{ properties: ['user', 'name'] }],
  properties: {
    id: idColumn().primary(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade'),
    name: p.string().length(64),
    value: p.string().length(1000),
  },
});

export const userEntities = [UserSchema, WatchedAddressSchema, PreferenceSchema];
