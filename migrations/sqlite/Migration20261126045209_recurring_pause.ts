import { Migration } from '@mikro-orm/migrations';

export class Migration20261126045209_recurring_pause extends Migration {
  override name = 'Migration20261126045209_recurring_pause';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`recurring\` add column \`paused_on\` text null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`recurring\` drop column \`paused_on\`;`);
  }
}
