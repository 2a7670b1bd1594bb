import { Migration } from '@mikro-orm/migrations';

export class Migration20261126045210_recurring_pause extends Migration {
  override name = 'Migration20261126045210_recurring_pause';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`recurring\` add \`paused_on\` varchar(10) null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`recurring\` drop column \`paused_on\`;`);
  }
}
