import type { SessionOut, UserOut } from '@finverse/shared';

/** Who a request comes from. */
export type Caller = { userId: string; role: 'user' | 'admin' };

/** What the router, and the layer that reads requests, need of sign-in. */
export interface AuthApi {
  /** @throws AppError INVALID_CREDENTIALS, alike for an unknown address and a wrong password; RATE_LIMITED when too many wait. */
  login(credentials: { email: string; password: string }): Promise<SessionOut>;
  /** Ends the session; one that is unknown or over is no error. */
  logout(token: string): Promise<void>;
  /** @throws AppError UNAUTHENTICATED when the person is gone. */
  me(userId: string): Promise<UserOut>;
  /** Who the token belongs to; null for any that is malformed, unknown or expired. Extends a session that is in use. */
  authenticate(token: string): Promise<Caller | null>;
  /** The session token in a request's headers. A bearer token, even a bad one, keeps the cookie from being looked at. */
  readToken(headers: { authorization?: string | undefined; cookie?: string | undefined }): string | null;
  /** The Set-Cookie header that gives the session to a browser. */
  sessionCookie(token: string): string;
  /** The Set-Cookie header that takes it away. */
  blankCookie(): string;
}
