import type { SqlEntityManager } from '@mikro-orm/sql';

/** A mail to be sent: what kind it is, to whom, and the id of what it is about. */
export type MailRequest = { kind: string; recipient: string; reference: string | null };

/** A mail as it is sent. `link` is the one that leads on, where there is one. */
export type MailContent = { subject: string; text: string; link: string | null };

/** Writes the text of a mail when it is sent; null where nothing is to be sent. It may run again for the same mail. */
export type ComposeMail = (mail: MailRequest) => Promise<MailContent | null>;

/** Where mails are left to be sent. */
export interface MailQueue {
  /** Leaves a mail inside the caller's transaction: it is sent when that commits, and never otherwise. */
  enqueue(em: SqlEntityManager, mail: MailRequest): Promise<void>;
  /** As `enqueue`, unless one of this kind was left for the recipient within the last `everyMs`, of at most a day: older ones are forgotten. */
  enqueueAtMost(em: SqlEntityManager, mail: MailRequest, everyMs: number): Promise<void>;
  /** Has what is due sent soon, after the answer that is being given. To be called when the transaction has committed. */
  wake(): void;
}
