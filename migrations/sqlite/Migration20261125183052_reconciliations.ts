import { Migration } from '@mikro-orm/migrations';

export class Migration20261125183052_reconciliations extends Migration {
  override name = 'Migration20261125183052_reconciliations';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`reconciliations\` (\`id\` text not null primary key, \`user_id\` text not null, \`account_id\` text not null, \`statement_date\` text not null, \`statement_balance\` integer not null, \`opening_balance\` integer not null, \`earliest_on\` text null, \`transaction_count\` integer not null, \`adjustment_transaction_id\` text null, \`finished_at\` bigint null, \`created_at\` bigint not null, \`updated_at\` bigint not null, constraint \`reconciliations_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade, constraint \`reconciliations_account_id_foreign\` foreign key (\`account_id\`) references \`accounts\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`reconciliations_user_id_index\` on \`reconciliations\` (\`user_id\`);`);
    this.addSql(`create index \`reconciliations_account_id_index\` on \`reconciliations\` (\`account_id\`);`);
    this.addSql(`create index \`reconciliations_user_id_id_index\` on \`reconciliations\` (\`user_id\`, \`id\`);`);
    this.addSql(
      `create index \`reconciliations_account_id_id_index\` on \`reconciliations\` (\`account_id\`, \`id\`);`,
    );

    this.addSql(`alter table \`transactions\` add column \`cleared_state\` text null;`);
    this.addSql(`alter table \`transactions\` add column \`reconciliation_id\` text null;`);
    this.addSql(`alter table \`transactions\` add column \`to_cleared_state\` text null;`);
    this.addSql(`alter table \`transactions\` add column \`to_reconciliation_id\` text null;`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`reconciliations\`;`);

    this.addSql(`alter table \`transactions\` drop column \`cleared_state\`;`);
    this.addSql(`alter table \`transactions\` drop column \`reconciliation_id\`;`);
    this.addSql(`alter table \`transactions\` drop column \`to_cleared_state\`;`);
    this.addSql(`alter table \`transactions\` drop column \`to_reconciliation_id\`;`);
  }
}
