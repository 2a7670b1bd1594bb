import { Migration } from '@mikro-orm/migrations';

export class Migration20261125223129_long_texts extends Migration {
  override name = 'Migration20261125223129_long_texts';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`transactions\` modify \`attachments\` mediumtext not null;`);

    this.addSql(`alter table \`recurring\` modify \`draft\` mediumtext not null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`recurring\` modify \`draft\` text not null;`);

    this.addSql(`alter table \`transactions\` modify \`attachments\` text not null;`);
  }
}
