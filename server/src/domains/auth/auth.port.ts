import type {
  NewTokenOut,
  RecoveryCodesOut,
  RegisterInput,
  RegisterOut,
  SessionInfoOut,
  SessionOut,
  TokenInput,
  TokenOut,
  TotpBeginOut,
  TotpStatusOut,
  UserOut,
  VerifyEmailInput,
} from '@finverse/shared';
import type { UnitOfWork } from '../../db/index.ts';

/** Who a request comes from. */
export type Caller = {
  userId: string;
  role: 'user' | 'admin';
  /** What the API token that the request came with may do; null for a session, which may do all that the person may. */
  tokenScopes: readonly string[] | null;
  /** True where the session was extended just now: a browser's cookie is to be set again. */
  isRenewed: boolean;
};

/** What a use case needs of the request that it serves; the request's context has it. */
export type Call = {
  /** Runs the one transaction of the use case. */
  commit: UnitOfWork;
  /** The session that the request came with. */
  sessionToken: string | null;
  /** What the client calls itself. */
  userAgent: string | null;
};

/** Sign-in, sign-out, and who a request comes from. */
export interface SignInApi {
  /**
   * @throws AppError INVALID_CREDENTIALS, alike for an unknown address and a wrong password; SECOND_FACTOR_REQUIRED and CODE_INVALID once the password is
   * right; RATE_LIMITED when too many wait.
   */
  login(credentials: { email: string; password: string; code?: string | undefined }, call: Call): Promise<SessionOut>;
  /** Ends the session that the request came with, where there is one. */
  logout(call: Call): Promise<void>;
  /** Who a session or API token belongs to; null for any that is malformed, unknown or expired. Extends a session that is in use. */
  authenticate(token: string): Promise<Caller | null>;
  /** Whether a session or API token still lets its person in. Only reads: neither extends a session nor counts as use. */
  isSignedIn(token: string): Promise<boolean>;
  /** The token in a request's headers. A bearer token, even a bad one, keeps the cookie from being looked at. */
  readToken(headers: { authorization?: string | undefined; cookie?: string | undefined }): string | null;
  /** The Set-Cookie header that gives the session to a browser. */
  sessionCookie(token: string): string;
  /** The Set-Cookie header that takes it away. */
  blankCookie(): string;
}

/** How people come to be. */
export interface RegistrationApi {
  /**
   * A session where registration is open. Otherwise a mail, and the same answer for known and unknown addresses.
   * @throws AppError REGISTRATION_CLOSED; VALIDATION_FAILED for a common password; CONFLICT where registration is open and the address is taken.
   */
  register(input: RegisterInput, call: Call): Promise<RegisterOut>;
  /**
   * Completes a registration with the password that comes with the code; or, without one, says that an address is its person's.
   * @throws AppError CODE_INVALID; REGISTRATION_CLOSED where nobody registers any more; VALIDATION_FAILED for a common password, for none where a registration is
   * completed, and for one where none is. The code is not used up by that.
   */
  verifyEmail(input: VerifyEmailInput, call: Call): Promise<void>;
  /** Mails another code for the person's address, unless it is verified. */
  requestVerification(userId: string, call: Call): Promise<void>;
}

/** Password and e-mail address. Each change ends the person's other sessions; a reset by mail ends the API tokens as well. */
export interface CredentialsApi {
  /** Mails a code where the address is known; the same answer after the same work where it is not. */
  requestPasswordReset(email: string, call: Call): Promise<void>;
  /** Sets the password, and ends every session and API token. @throws AppError CODE_INVALID; VALIDATION_FAILED for a common password. */
  confirmPasswordReset(input: { code: string; newPassword: string }, call: Call): Promise<void>;
  /** @throws AppError INVALID_CREDENTIALS; VALIDATION_FAILED for a common password. */
  changePassword(userId: string, input: { currentPassword: string; newPassword: string }, call: Call): Promise<void>;
  /** Mails a code to the new address. @throws AppError INVALID_CREDENTIALS */
  requestEmailChange(userId: string, input: { email: string; password: string }, call: Call): Promise<void>;
  /** @throws AppError CODE_INVALID; CONFLICT where somebody took the address meanwhile. */
  confirmEmailChange(userId: string, code: string, call: Call): Promise<UserOut>;
}

/** A person's own sessions. */
export interface SessionsApi {
  list(userId: string, currentToken: string | null): Promise<SessionInfoOut[]>;
  /** @throws AppError NOT_FOUND; CONFLICT for the session that asks, which logout ends. */
  end(userId: string, id: string, call: Call): Promise<void>;
  /** Ends all but the one that asks; answers how many. */
  endOthers(userId: string, call: Call): Promise<number>;
}

/** A person's API tokens. */
export interface TokensApi {
  list(userId: string): Promise<TokenOut[]>;
  /** @throws AppError CONFLICT where there are too many; UNAUTHENTICATED where the session ended meanwhile. */
  create(userId: string, input: TokenInput, call: Call): Promise<NewTokenOut>;
  /** @throws AppError NOT_FOUND */
  revoke(userId: string, id: string, call: Call): Promise<void>;
}

/** A person's second factor. */
export interface TotpApi {
  status(userId: string): Promise<TotpStatusOut>;
  /** A new secret, which counts once it is confirmed. @throws AppError INVALID_CREDENTIALS; CONFLICT where a factor counts already. */
  begin(userId: string, password: string, call: Call): Promise<TotpBeginOut>;
  /** From now on login takes a code. @throws AppError CODE_INVALID; CONFLICT where nothing was begun. */
  confirm(userId: string, code: string, call: Call): Promise<RecoveryCodesOut>;
  /** @throws AppError INVALID_CREDENTIALS, CODE_INVALID */
  renewRecoveryCodes(
    userId: string,
    factors: { password: string; code: string },
    call: Call,
  ): Promise<RecoveryCodesOut>;
  /** @throws AppError INVALID_CREDENTIALS, CODE_INVALID */
  disable(userId: string, factors: { password: string; code: string }, call: Call): Promise<void>;
}

/** The end of an account, which can be called off until its grace period is over. */
export interface DeletionApi {
  /**
   * Ends the other sessions and stops API tokens at once.
   *
   * @throws AppError INVALID_CREDENTIALS; SECOND_FACTOR_REQUIRED, CODE_INVALID and RATE_LIMITED where there is a second factor; CONFLICT for the only admin
   */
  request(userId: string, factors: { password: string; code?: string | undefined }, call: Call): Promise<UserOut>;
  cancel(userId: string, call: Call): Promise<UserOut>;
}

/** Everything about who somebody is. */
export interface AuthApi extends SignInApi {
  readonly registration: RegistrationApi;
  readonly credentials: CredentialsApi;
  readonly sessions: SessionsApi;
  readonly tokens: TokensApi;
  readonly totp: TotpApi;
  readonly deletion: DeletionApi;
}
