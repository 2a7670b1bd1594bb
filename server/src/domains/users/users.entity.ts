import { defineEntity, p } from '@mikro-orm/core';
import { addressColumn, epochMsColumn, idColumn } from '../../db/index.ts';

/** The longest e-mail address that SMTP carries (RFC 5321, erratum 1690). */
const EMAIL_LENGTH = 254;

/** A person. `email` is lower case; `passwordHash` is a PHC string of Argon2id. */
export const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: idColumn().primary(),
    email: p.string().length(EMAIL_LENGTH).unique(),
    passwordHash: p.string().length(255),
    role: p.string().length(8),
    createdAt: epochMsColumn(),
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

export const userEntities = [UserSchema, WatchedAddressSchema];
