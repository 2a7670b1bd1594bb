import { Migration } from '@mikro-orm/migrations';

export class Migration20261126022755_possible_duplicates extends Migration {
  override name = 'Migration20261126022755_possible_duplicates';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`imports\` add \`skips_possible_duplicates\` tinyint(1) not null default false;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`imports\` drop column \`skips_possible_duplicates\`;`);
  }
}
