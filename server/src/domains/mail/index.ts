export { mailEntities } from './mail.entity.ts';
export type { ComposeMail, MailContent, MailQueue } from './mail.port.ts';
export { Mailer } from './mailer.ts';
export { folderTransport, smtpTransport } from './transports.ts';
