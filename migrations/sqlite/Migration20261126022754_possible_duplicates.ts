import { Migration } from '@mikro-orm/migrations';

export class Migration20261126022754_possible_duplicates extends Migration {
  override name = 'Migration20261126022754_possible_duplicates';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`imports\` add column \`skips_possible_duplicates\` integer not null default false;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`imports\` drop column \`skips_possible_duplicates\`;`);
  }
}
