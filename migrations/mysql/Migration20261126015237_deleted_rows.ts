import { Migration } from '@mikro-orm/migrations';

export class Migration20261126015237_deleted_rows extends Migration {
  override name = 'Migration20261126015237_deleted_rows';

  override up(): void | Promise<void> {
    this.addSql(
      `alter table \`ledger_tombstones\` add \`source\` varchar(40) null, add \`row_key\` varchar(200) null;`,
    );
    this.addSql(
      `alter table \`ledger_tombstones\` add index \`ledger_tombstones_user_id_source_row_key_index\` (\`user_id\`, \`source\`, \`row_key\`);`,
    );

    this.addSql(`alter table \`imports\` add \`restores_deleted\` tinyint(1) not null default false;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`imports\` drop column \`restores_deleted\`;`);

    this.addSql(`alter table \`ledger_tombstones\` drop index \`ledger_tombstones_user_id_source_row_key_index\`;`);
    this.addSql(`alter table \`ledger_tombstones\` drop column \`source\`, drop column \`row_key\`;`);
  }
}
