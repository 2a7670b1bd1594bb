import type { UserOut } from '@finverse/shared';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ComposeMail, MailQueue } from '../mail/index.ts';
import type { Exporter } from '../users/index.ts';
import { AccountDeletion } from './account-deletion.ts';
import { ApiTokens, deleteTokensExpiredBefore, tokensExporter } from './api-tokens.ts';
import { composeAuthMails } from './auth.mails.ts';
import type { AuthParts } from './auth.parts.ts';
import type { AuthApi } from './auth.port.ts';
import { Credentials } from './credentials.ts';
import { createSessions } from './lucia.ts';
import { deleteCodesOver } from './mail-codes.repository.ts';
import { OwnSessions, sessionsExporter } from './own-sessions.ts';
import { PasswordHasher } from './passwords.ts';
import { People, type WantedUser } from './people.ts';
import { Registration, type RegistrationMode } from './registration.ts';
import { deleteSessionsExpiredBefore } from './sessions.repository.ts';
import { SignIn } from './sign-in.ts';
import { SecondFactor } from './totp.ts';

/** Long enough that a code outlives the tries of its mail, whose next one draws it anew, and counts for the hourly limit. */
const CODE_KEEP_MS = 24 * 60 * 60 * 1000;

type AuthOptions = {
  database: Database;
  clock: Clock;
  isSecureCookie: boolean;
  mails: MailQueue;
  registration: RegistrationMode;
};

/** Everything about who somebody is: one object for each group of use cases, over the same parts. */
export class AuthService extends SignIn implements AuthApi {
  readonly registration: Registration;
  readonly credentials: Credentials;
  readonly sessions: OwnSessions;
  readonly tokens: ApiTokens;
  readonly totp: SecondFactor;
  readonly deletion: AccountDeletion;
  /** What this domain adds to the export of a person. */
  readonly exporters: readonly Exporter[] = [sessionsExporter, tokensExporter];
  readonly #people: People;
  readonly #parts: AuthParts;

  constructor(options: AuthOptions) {
    const { database, clock, mails } = options;
    const parts = { database, clock, mails, sessions: createSessions(options), passwords: new PasswordHasher() };
    super(parts);
    this.#parts = parts;
    this.registration = new Registration(parts, options.registration);
    this.credentials = new Credentials(parts);
    this.sessions = new OwnSessions(parts);
    this.tokens = new ApiTokens(parts);
    this.totp = new SecondFactor(parts);
    this.deletion = new AccountDeletion(parts);
    this.#people = new People(parts);
  }

  /** See {@link People.ensureUser}. */
  ensureUser(wanted: WantedUser): Promise<UserOut> {
    return this.#people.ensureUser(wanted);
  }

  /** See {@link People.ensureDemo}. */
  ensureDemo(wanted: WantedUser): Promise<UserOut> {
    return this.#people.ensureDemo(wanted);
  }

  /** See {@link People.retireDemo}. */
  retireDemo(email: string): Promise<void> {
    return this.#people.retireDemo(email);
  }

  /** True where at least one admin can sign in. */
  hasAdmin(): Promise<boolean> {
    return this.#people.hasAdmin();
  }

  /** What writes this domain's mails; `publicUrl` is what their links begin with. */
  composeMails(publicUrl: string): ComposeMail {
    return composeAuthMails({ ...this.#parts, publicUrl });
  }

  /** Deletes sessions, API tokens and codes that are over. To be called now and then; what is over is refused in any case. */
  async purgeExpired(): Promise<void> {
    const { database, clock } = this.#parts;
    await deleteSessionsExpiredBefore(database.em(), clock.now());
    await deleteTokensExpiredBefore(database.em(), clock.now());
    await deleteCodesOver(database.em(), clock.now(), clock.now() - CODE_KEEP_MS);
  }
}
