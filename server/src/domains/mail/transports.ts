import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import type { MailContent } from './mail.port.ts';

type Message = MailContent & { id: string; recipient: string };

/** Hands a mail over. Throws where it was not taken. */
export type MailTransport = { send(message: Message): Promise<void>; close(): void };

const CONNECT_TIMEOUT_MS = 10_000;
const SOCKET_TIMEOUT_MS = 30_000;

/** Sends by SMTP. `url` is `smtp://user:password@host:587` (STARTTLS where the server offers it) or `smtps://…`. */
export function smtpTransport({ url, from }: { url: string; from: string }): MailTransport {
  const transporter = createTransport({
    url,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ id, recipient, subject, text }) {
      // The same mail sent again has the same id, so that the recipient's mailbox may drop the second one.
      const messageId = `<${id}@${from.split('@').at(-1)?.replace(/>$/, '') ?? 'localhost'}>`;
      await transporter.sendMail({ from, to: { name: '', address: recipient }, subject, text, messageId });
    },
    close: () => transporter.close(),
  };
}

/** Writes mails into a folder that is the server's account's alone, and tells whom it may concern subject and link. */
export function folderTransport(options: { folder: string; announce: (line: string) => void }): MailTransport {
  return {
    async send({ id, recipient, subject, text, link }) {
      await mkdir(options.folder, { recursive: true, mode: 0o700 });
      const file = join(options.folder, `${id}.txt`);
      await writeFile(`${file}.part`, `To: ${recipient}\nSubject: ${subject}\n\n${text}`, { mode: 0o600 });
      await rename(`${file}.part`, file);
      options.announce(`mail to ${recipient}: ${subject}${link === null ? '' : ` ${link}`}`);
    },
    close: () => undefined,
  };
}
