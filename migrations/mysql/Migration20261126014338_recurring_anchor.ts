import { Migration } from '@mikro-orm/migrations';

export class Migration20261126014338_recurring_anchor extends Migration {
  override name = 'Migration20261126014338_recurring_anchor';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`recurring\` add \`anchor_on\` varchar(10) null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`recurring\` drop column \`anchor_on\`;`);
  }
}
