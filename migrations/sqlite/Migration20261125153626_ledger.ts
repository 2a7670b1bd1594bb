import { Migration } from '@mikro-orm/migrations';

export class Migration20261125153626_ledger extends Migration {
  override name = 'Migration20261125153626_ledger';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`transactions\` (\`id\` text not null primary key, \`user_id\` text not null, \`kind\` text not null, \`account_id\` text not null, \`to_account_id\` text null, \`amount\` integer not null, \`currency\` text not null, \`to_amount\` integer null, \`to_currency\` text null, \`rate\` text null, \`occurred_on\` text not null, \`description\` text not null, \`payee\` text not null, \`note\` text not null, \`search_text\` text not null, \`category_id\` text null, \`is_split\` integer not null, \`tags\` text not null, \`attachments\` text not null, \`source\` text not null, \`external_id\` text null, \`content_hash\` text null, \`created_at\` bigint not null, \`updated_at\` bigint not null, constraint \`transactions_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`transactions_user_id_index\` on \`transactions\` (\`user_id\`);`);
    this.addSql(
      `create index \`transactions_user_id_occurred_on_id_index\` on \`transactions\` (\`user_id\`, \`occurred_on\`, \`id\`);`,
    );
    this.addSql(
      `create index \`transactions_user_id_updated_at_id_index\` on \`transactions\` (\`user_id\`, \`updated_at\`, \`id\`);`,
    );
    this.addSql(
      `create index \`transactions_user_id_source_content_hash_index\` on \`transactions\` (\`user_id\`, \`source\`, \`content_hash\`);`,
    );
    this.addSql(
      `create unique index \`transactions_user_id_source_external_id_unique\` on \`transactions\` (\`user_id\`, \`source\`, \`external_id\`);`,
    );

    this.addSql(
      `create table \`transaction_tags\` (\`transaction_id\` text not null, \`tag\` text not null, \`user_id\` text not null, \`occurred_on\` text not null, primary key (\`transaction_id\`, \`tag\`), constraint \`transaction_tags_transaction_id_foreign\` foreign key (\`transaction_id\`) references \`transactions\` (\`id\`) on delete cascade, constraint \`transaction_tags_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`transaction_tags_transaction_id_index\` on \`transaction_tags\` (\`transaction_id\`);`);
    this.addSql(`create index \`transaction_tags_user_id_index\` on \`transaction_tags\` (\`user_id\`);`);
    this.addSql(
      `create index \`transaction_tags_user_id_tag_occurred_on_transaction_id_index\` on \`transaction_tags\` (\`user_id\`, \`tag\`, \`occurred_on\`, \`transaction_id\`);`,
    );

    this.addSql(
      `create table \`ledger_tombstones\` (\`id\` text not null primary key, \`user_id\` text not null, \`kind\` text not null, \`deleted_at\` bigint not null, constraint \`ledger_tombstones_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`ledger_tombstones_user_id_index\` on \`ledger_tombstones\` (\`user_id\`);`);
    this.addSql(
      `create index \`ledger_tombstones_user_id_kind_deleted_at_id_index\` on \`ledger_tombstones\` (\`user_id\`, \`kind\`, \`deleted_at\`, \`id\`);`,
    );

    this.addSql(
      `create table \`monthly_totals\` (\`user_id\` text not null, \`month\` text not null, \`currency\` text not null, \`kind\` text not null, \`category_id\` text not null, \`total\` integer not null, \`count\` integer not null, primary key (\`user_id\`, \`month\`, \`currency\`, \`kind\`, \`category_id\`), constraint \`monthly_totals_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`monthly_totals_user_id_index\` on \`monthly_totals\` (\`user_id\`);`);

    this.addSql(
      `create table \`ledgers\` (\`user_id\` text not null primary key, \`changed_at\` bigint not null, constraint \`ledgers_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on update cascade on delete cascade);`,
    );
    this.addSql(`create index \`ledgers_user_id_index\` on \`ledgers\` (\`user_id\`);`);

    this.addSql(
      `create table \`entries\` (\`transaction_id\` text not null, \`line\` integer not null, \`user_id\` text not null, \`account_id\` text not null, \`amount\` integer not null, \`currency\` text not null, \`category_id\` text null, \`note\` text not null, \`kind\` text not null, \`occurred_on\` text not null, primary key (\`transaction_id\`, \`line\`), constraint \`entries_transaction_id_foreign\` foreign key (\`transaction_id\`) references \`transactions\` (\`id\`) on delete cascade, constraint \`entries_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`entries_transaction_id_index\` on \`entries\` (\`transaction_id\`);`);
    this.addSql(`create index \`entries_user_id_index\` on \`entries\` (\`user_id\`);`);
    this.addSql(
      `create index \`entries_account_id_occurred_on_transaction_id_line_index\` on \`entries\` (\`account_id\`, \`occurred_on\`, \`transaction_id\`, \`line\`);`,
    );
    this.addSql(
      `create index \`entries_user_id_category_id_occurred_on_transaction_id_index\` on \`entries\` (\`user_id\`, \`category_id\`, \`occurred_on\`, \`transaction_id\`);`,
    );

    this.addSql(
      `create table \`categories\` (\`id\` text not null primary key, \`user_id\` text not null, \`parent_id\` text null, \`name\` text not null, \`kind\` text not null, \`icon\` text null, \`color\` text null, \`system_key\` text null, \`archived_at\` bigint null, \`created_at\` bigint not null, \`updated_at\` bigint not null, constraint \`categories_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`categories_user_id_index\` on \`categories\` (\`user_id\`);`);
    this.addSql(`create index \`categories_user_id_id_index\` on \`categories\` (\`user_id\`, \`id\`);`);

    this.addSql(
      `create table \`account_months\` (\`account_id\` text not null, \`month\` text not null, \`user_id\` text not null, \`total\` integer not null, \`count\` integer not null, primary key (\`account_id\`, \`month\`), constraint \`account_months_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`account_months_user_id_index\` on \`account_months\` (\`user_id\`);`);
    this.addSql(`create index \`account_months_user_id_month_index\` on \`account_months\` (\`user_id\`, \`month\`);`);

    this.addSql(
      `create table \`accounts\` (\`id\` text not null primary key, \`user_id\` text not null, \`name\` text not null, \`type\` text not null, \`currency\` text not null, \`balance\` integer not null, \`credit_limit\` integer null, \`opening_transaction_id\` text null, \`icon\` text null, \`color\` text null, \`note\` text not null, \`is_hidden\` integer not null, \`archived_at\` bigint null, \`created_at\` bigint not null, \`updated_at\` bigint not null, constraint \`accounts_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`accounts_user_id_index\` on \`accounts\` (\`user_id\`);`);
    this.addSql(`create index \`accounts_user_id_id_index\` on \`accounts\` (\`user_id\`, \`id\`);`);
    this.addSql(
      `create index \`accounts_user_id_updated_at_id_index\` on \`accounts\` (\`user_id\`, \`updated_at\`, \`id\`);`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`transactions\`;`);
    this.addSql(`drop table if exists \`transaction_tags\`;`);
    this.addSql(`drop table if exists \`ledger_tombstones\`;`);
    this.addSql(`drop table if exists \`monthly_totals\`;`);
    this.addSql(`drop table if exists \`ledgers\`;`);
    this.addSql(`drop table if exists \`entries\`;`);
    this.addSql(`drop table if exists \`categories\`;`);
    this.addSql(`drop table if exists \`account_months\`;`);
    this.addSql(`drop table if exists \`accounts\`;`);
  }
}
