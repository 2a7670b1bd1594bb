import { Migration } from '@mikro-orm/migrations';

export class Migration20261126014337_recurring_anchor extends Migration {
  override name = 'Migration20261126014337_recurring_anchor';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`recurring\` add column \`anchor_on\` text null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`recurring\` drop column \`anchor_on\`;`);
  }
}
