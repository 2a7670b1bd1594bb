import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { newId } from '../../kernel/ids.ts';
import type { Logger } from '../../kernel/logger.ts';
import { MailSchema } from './mail.entity.ts';
import type { ComposeMail, MailQueue, MailRequest } from './mail.port.ts';
import type { MailTransport } from './transports.ts';

/** Long enough that the answer to the request is out before anything depends on whether there is a mail to send. */
const WAKE_DELAY_MS = 100;
/** How long a replica has for one mail before another takes it to be dead. */
const CLAIM_MS = 2 * 60 * 1000;
const BATCH_MAX = 20;
/** From half a minute to an hour between tries, and no more than these: about nine hours. */
const ATTEMPTS_MAX = 15;
const RETRY_MIN_MS = 30_000;
const RETRY_MAX_MS = 60 * 60 * 1000;
const ERROR_LENGTH = 200;
/** How long the end of the server waits for the mail in hand. */
const STOP_MS_MAX = 5_000;

type MailerOptions = { database: Database; clock: Clock; log: Logger; transport: MailTransport; stopMsMax?: number };
type MailRow = MailRequest & { id: string; dueAt: number; attempts: number };

/**
 * The outbox of mails and the worker that empties it. A mail is written in the transaction that causes it and sent after its commit, at least once: one
 * that was sent in the moment of a crash is sent again. Several replicas share the work.
 */
export class Mailer implements MailQueue {
  readonly #options: MailerOptions;
  #compose: ComposeMail | null = null;
  #timer: NodeJS.Timeout | undefined;
  #delivering: Promise<void> = Promise.resolve();
  /** The mail in hand is nobody's any more: its claim ends by itself, and another process sends it again. */
  #isAbandoned = false;

  constructor(options: MailerOptions) {
    this.#options = options;
  }

  async enqueue(em: SqlEntityManager, { kind, recipient, reference }: MailRequest): Promise<void> {
    const nowMs = this.#options.clock.now();
    const row = { kind, recipient, reference, createdAt: nowMs, dueAt: nowMs, attempts: 0, lastError: null };
    await em.insert(MailSchema, { id: newId('mal'), ...row });
  }

  async enqueueAtMost(em: SqlEntityManager, mail: MailRequest, everyMs: number): Promise<void> {
    const { kind, recipient } = mail;
    const createdAt = { $gt: this.#options.clock.now() - everyMs };
    if ((await em.count(MailSchema, { kind, recipient, createdAt })) === 0) await this.enqueue(em, mail);
  }

  /** Begins to send, with what writes the texts. Until then mails wait. */
  start(compose: ComposeMail): void {
    this.#compose = compose;
    this.wake();
  }

  wake(): void {
    if (this.#compose === null || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.deliverDue().catch((error: unknown) => this.#options.log.warn({ err: error }, 'mails could not be read'));
    }, WAKE_DELAY_MS);
    this.#timer.unref();
  }

  /** Tries every mail that is due, one after the other. Runs that are asked for at once follow each other. */
  deliverDue(): Promise<void> {
    const run = this.#delivering.catch(() => undefined).then(() => this.#deliverAll());
    this.#delivering = run;
    return run;
  }

  /** Sends nothing more and waits for the mail in hand, but not for a mail server that has fallen silent. */
  async stop(): Promise<void> {
    const { log, transport, stopMsMax = STOP_MS_MAX } = this.#options;
    this.#compose = null;
    clearTimeout(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#isAbandoned = true;
        log.warn({ part: 'mail' }, 'the mail server does not answer: the mail in hand is left to the next start');
        resolve();
      }, stopMsMax);
    });
    await Promise.race([this.#delivering.catch(() => undefined), silence]);
    clearTimeout(timer);
    transport.close();
  }

  /** Forgets the mails that were left before that instant, sent or not. */
  async purge(beforeMs: number): Promise<void> {
    await this.#options.database.em().nativeDelete(MailSchema, { createdAt: { $lt: beforeMs } });
  }

  async #deliverAll(): Promise<void> {
    for (;;) {
      const due = await this.#readDue();
      for (const mail of due) {
        if (this.#compose === null) return;
        if (await this.#claim(mail)) await this.#deliver(mail, this.#compose);
      }
      if (due.length < BATCH_MAX) return;
    }
  }

  async #readDue(): Promise<MailRow[]> {
    const rows = await this.#options.database
      .em()
      .find(
        MailSchema,
        { dueAt: { $ne: null, $lte: this.#options.clock.now() } },
        { orderBy: { dueAt: 'asc', id: 'asc' }, limit: BATCH_MAX },
      );
    return rows.map(({ id, kind, recipient, reference, dueAt, attempts }) => ({
      id,
      kind,
      recipient,
      attempts,
      reference: reference ?? null,
      dueAt: dueAt ?? 0,
    }));
  }

  /** True for the one replica that is to send it. The claim is over by itself, should that one die. */
  async #claim({ id, dueAt, attempts }: MailRow): Promise<boolean> {
    const claimed = await this.#options.database
      .em()
      .nativeUpdate(MailSchema, { id, dueAt }, { dueAt: this.#options.clock.now() + CLAIM_MS, attempts: attempts + 1 });
    return claimed === 1;
  }

  async #deliver(mail: MailRow, compose: ComposeMail): Promise<void> {
    const { id, kind, recipient, attempts } = mail;
    try {
      const content = await compose(mail);
      if (content) await this.#options.transport.send({ id, recipient, ...content });
      await this.#finish(id, { dueAt: null, lastError: null });
    } catch (error) {
      const reason = faultOf(error);
      const isGivenUp = isPermanent(error) || attempts + 1 >= ATTEMPTS_MAX;
      const retryMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** attempts);
      await this.#finish(id, { dueAt: isGivenUp ? null : this.#options.clock.now() + retryMs, lastError: reason });
      this.#options.log.warn(
        { mail: id, kind, reason },
        isGivenUp ? 'a mail is given up' : 'a mail will be tried again',
      );
    }
  }

  async #finish(id: string, result: { dueAt: number | null; lastError: string | null }): Promise<void> {
    if (this.#isAbandoned) return;
    await this.#options.database.em().nativeUpdate(MailSchema, { id }, result);
  }
}

/** The steps at which the server judges the mail itself; at the others it judges this server: its login, address or sender, which an operator mends. */
const STEPS_ABOUT_THE_MAIL = new Set<unknown>(['RCPT TO', 'DATA']);
/** RFC 4954: it takes a login first, at whatever step that is said. */
const LOGIN_REQUIRED = 530;

/** True where the mail server refused this mail for good (RFC 5321: 5yz), after which it is not sent again. */
function isPermanent(error: unknown): boolean {
  const { responseCode: code, command } = error as { responseCode?: unknown; command?: unknown };
  if (!STEPS_ABOUT_THE_MAIL.has(command) || typeof code !== 'number') return false;
  return code >= 500 && code < 600 && code !== LOGIN_REQUIRED;
}

/** Codes alone: the texts of mail servers repeat the address. */
function faultOf(error: unknown): string {
  const { code, responseCode, command } = error as { code?: unknown; responseCode?: unknown; command?: unknown };
  const parts = [code, responseCode, command].filter((part) => typeof part === 'string' || typeof part === 'number');
  const name = error instanceof Error ? error.name : 'unknown fault';
  return (parts.length > 0 ? parts.join(' ') : name).slice(0, ERROR_LENGTH);
}
