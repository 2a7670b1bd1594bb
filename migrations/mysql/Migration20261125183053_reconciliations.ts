import { Migration } from '@mikro-orm/migrations';

export class Migration20261125183053_reconciliations extends Migration {
  override name = 'Migration20261125183053_reconciliations';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`reconciliations\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`account_id\` varchar(32) not null, \`statement_date\` varchar(10) not null, \`statement_balance\` decimal(18,8) not null, \`opening_balance\` decimal(18,8) not null, \`earliest_on\` varchar(10) null, \`transaction_count\` int not null, \`adjustment_transaction_id\` varchar(32) null, \`finished_at\` bigint null, \`created_at\` bigint not null, \`updated_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`reconciliations\` add index \`reconciliations_user_id_index\` (\`user_id\`);`);
    this.addSql(`alter table \`reconciliations\` add index \`reconciliations_account_id_index\` (\`account_id\`);`);
    this.addSql(
      `alter table \`reconciliations\` add index \`reconciliations_user_id_id_index\` (\`user_id\`, \`id\`);`,
    );
    this.addSql(
      `alter table \`reconciliations\` add index \`reconciliations_account_id_id_index\` (\`account_id\`, \`id\`);`,
    );

    this.addSql(
      `alter table \`transactions\` add \`cleared_state\` varchar(10) null, add \`reconciliation_id\` varchar(32) null, add \`to_cleared_state\` varchar(10) null, add \`to_reconciliation_id\` varchar(32) null;`,
    );

    this.addSql(
      `alter table \`reconciliations\` add constraint \`reconciliations_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );
    this.addSql(
      `alter table \`reconciliations\` add constraint \`reconciliations_account_id_foreign\` foreign key (\`account_id\`) references \`accounts\` (\`id\`) on delete cascade;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`reconciliations\`;`);

    this.addSql(
      `alter table \`transactions\` drop column \`cleared_state\`, drop column \`reconciliation_id\`, drop column \`to_cleared_state\`, drop column \`to_reconciliation_id\`;`,
    );
  }
}
