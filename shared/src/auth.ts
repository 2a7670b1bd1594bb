import { z } from 'zod';
import { addressOut, instantOut } from './common.ts';

/** Who a person is to the server; `admin` may control sync. */
export const roleSchema = z.enum(['user', 'admin']);

/** What `me` and `login` tell of a person. */
export const userOut = z.object({
  id: z.string(),
  email: z.string(),
  role: roleSchema,
  watchedAddresses: z.array(addressOut).meta({ description: 'Addresses whose positions this person follows' }),
  createdAt: instantOut,
});
export type UserOut = z.infer<typeof userOut>;

/** Login by e-mail address and password. */
export const loginInput = z.strictObject({
  email: z.string().trim().toLowerCase().max(254).pipe(z.email('must be an e-mail address')),
  password: z.string().min(1).max(256),
});

/** A new session: `token` serves as `Authorization: Bearer`, a browser gets the cookie as well. */
export const sessionOut = z.object({ token: z.string(), expiresAt: instantOut, user: userOut });
export type SessionOut = z.infer<typeof sessionOut>;
