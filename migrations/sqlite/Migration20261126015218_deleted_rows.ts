import { Migration } from '@mikro-orm/migrations';

export class Migration20261126015218_deleted_rows extends Migration {
  override name = 'Migration20261126015218_deleted_rows';

  override up(): void | Promise<void> {
    this.addSql(`alter table \`ledger_tombstones\` add column \`source\` text null;`);
    this.addSql(`alter table \`ledger_tombstones\` add column \`row_key\` text null;`);
    this.addSql(
      `create index \`ledger_tombstones_user_id_source_row_key_index\` on \`ledger_tombstones\` (\`user_id\`, \`source\`, \`row_key\`);`,
    );

    this.addSql(`alter table \`imports\` add column \`restores_deleted\` integer not null default false;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`imports\` drop column \`restores_deleted\`;`);

    this.addSql(`drop index \`ledger_tombstones_user_id_source_row_key_index\`;`);
    this.addSql(`alter table \`ledger_tombstones\` drop column \`source\`;`);
    this.addSql(`alter table \`ledger_tombstones\` drop column \`row_key\`;`);
  }
}
