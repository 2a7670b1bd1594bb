import { Migration } from '@mikro-orm/migrations';

export class Migration20261126022427_lease_faults extends Migration {
  override name = 'Migration20261126022427_lease_faults';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`sync_leases\` add \`faults\` text null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`sync_leases\` drop column \`faults\`;`);
  }
}
