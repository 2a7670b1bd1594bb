import { Migration } from '@mikro-orm/migrations';

export class Migration20261125220252_mail_codes extends Migration {
  override name = 'Migration20261125220252_mail_codes';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`mail_codes\` drop column \`password_hash\`;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`mail_codes\` add column \`password_hash\` text null;`);
  }
}
