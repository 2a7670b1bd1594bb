import { Migration } from '@mikro-orm/migrations';

export class Migration20261125153627_ledger extends Migration {
  override name = 'Migration20261125153627_ledger';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`transactions\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`kind\` varchar(10) not null, \`account_id\` varchar(32) not null, \`to_account_id\` varchar(32) null, \`amount\` decimal(18,8) not null, \`currency\` varchar(3) not null, \`to_amount\` decimal(18,8) null, \`to_currency\` varchar(3) null, \`rate\` varchar(30) null, \`occurred_on\` varchar(10) not null, \`description\` varchar(200) not null, \`payee\` varchar(200) not null, \`note\` varchar(2000) not null, \`search_text\` varchar(2500) not null, \`category_id\` varchar(32) null, \`is_split\` tinyint(1) not null, \`tags\` varchar(2500) not null, \`attachments\` text not null, \`source\` varchar(40) not null, \`external_id\` varchar(200) null, \`content_hash\` varchar(64) null, \`created_at\` bigint not null, \`updated_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`transactions\` add index \`transactions_user_id_index\` (\`user_id\`);`);
    this.addSql(
      `alter table \`transactions\` add index \`transactions_user_id_occurred_on_id_index\` (\`user_id\`, \`occurred_on\`, \`id\`);`,
    );
    this.addSql(
      `alter table \`transactions\` add index \`transactions_user_id_updated_at_id_index\` (\`user_id\`, \`updated_at\`, \`id\`);`,
    );
    this.addSql(
      `alter table \`transactions\` add index \`transactions_user_id_source_content_hash_index\` (\`user_id\`, \`source\`, \`content_hash\`);`,
    );
    this.addSql(
      `alter table \`transactions\` add unique \`transactions_user_id_source_external_id_unique\` (\`user_id\`, \`source\`, \`external_id\`);`,
    );

    this.addSql(
      `create table \`transaction_tags\` (\`transaction_id\` varchar(32) not null, \`tag\` varchar(50) not null, \`user_id\` varchar(32) not null, \`occurred_on\` varchar(10) not null, primary key (\`transaction_id\`, \`tag\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(
      `alter table \`transaction_tags\` add index \`transaction_tags_transaction_id_index\` (\`transaction_id\`);`,
    );
    this.addSql(`alter table \`transaction_tags\` add index \`transaction_tags_user_id_index\` (\`user_id\`);`);
    this.addSql(
      `alter table \`transaction_tags\` add index \`transaction_tags_user_id_tag_occurred_on_transaction_id_index\` (\`user_id\`, \`tag\`, \`occurred_on\`, \`transaction_id\`);`,
    );

    this.addSql(
      `create table \`ledger_tombstones\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`kind\` varchar(12) not null, \`deleted_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`ledger_tombstones\` add index \`ledger_tombstones_user_id_index\` (\`user_id\`);`);
    this.addSql(
      `alter table \`ledger_tombstones\` add index \`ledger_tombstones_user_id_kind_deleted_at_id_index\` (\`user_id\`, \`kind\`, \`deleted_at\`, \`id\`);`,
    );

    this.addSql(
      `create table \`monthly_totals\` (\`user_id\` varchar(32) not null, \`month\` varchar(7) not null, \`currency\` varchar(3) not null, \`kind\` varchar(10) not null, \`category_id\` varchar(32) not null, \`total\` decimal(18,8) not null, \`count\` int not null, primary key (\`user_id\`, \`month\`, \`currency\`, \`kind\`, \`category_id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`monthly_totals\` add index \`monthly_totals_user_id_index\` (\`user_id\`);`);

    this.addSql(
      `create table \`ledgers\` (\`user_id\` varchar(32) not null, \`changed_at\` bigint not null, primary key (\`user_id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`ledgers\` add index \`ledgers_user_id_index\` (\`user_id\`);`);

    this.addSql(
      `create table \`entries\` (\`transaction_id\` varchar(32) not null, \`line\` smallint unsigned not null, \`user_id\` varchar(32) not null, \`account_id\` varchar(32) not null, \`amount\` decimal(18,8) not null, \`currency\` varchar(3) not null, \`category_id\` varchar(32) null, \`note\` varchar(200) not null, \`kind\` varchar(10) not null, \`occurred_on\` varchar(10) not null, primary key (\`transaction_id\`, \`line\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`entries\` add index \`entries_transaction_id_index\` (\`transaction_id\`);`);
    this.addSql(`alter table \`entries\` add index \`entries_user_id_index\` (\`user_id\`);`);
    this.addSql(
      `alter table \`entries\` add index \`entries_account_id_occurred_on_transaction_id_line_index\` (\`account_id\`, \`occurred_on\`, \`transaction_id\`, \`line\`);`,
    );
    this.addSql(
      `alter table \`entries\` add index \`entries_user_id_category_id_occurred_on_transaction_id_index\` (\`user_id\`, \`category_id\`, \`occurred_on\`, \`transaction_id\`);`,
    );

    this.addSql(
      `create table \`categories\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`parent_id\` varchar(32) null, \`name\` varchar(100) not null, \`kind\` varchar(8) not null, \`icon\` varchar(40) null, \`color\` varchar(7) null, \`system_key\` varchar(40) null, \`archived_at\` bigint null, \`created_at\` bigint not null, \`updated_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`categories\` add index \`categories_user_id_index\` (\`user_id\`);`);
    this.addSql(`alter table \`categories\` add index \`categories_user_id_id_index\` (\`user_id\`, \`id\`);`);

    this.addSql(
      `create table \`account_months\` (\`account_id\` varchar(32) not null, \`month\` varchar(7) not null, \`user_id\` varchar(32) not null, \`total\` decimal(18,8) not null, \`count\` int not null, primary key (\`account_id\`, \`month\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`account_months\` add index \`account_months_user_id_index\` (\`user_id\`);`);
    this.addSql(
      `alter table \`account_months\` add index \`account_months_user_id_month_index\` (\`user_id\`, \`month\`);`,
    );

    this.addSql(
      `create table \`accounts\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`name\` varchar(100) not null, \`type\` varchar(16) not null, \`currency\` varchar(3) not null, \`balance\` decimal(18,8) not null, \`credit_limit\` decimal(18,8) null, \`opening_transaction_id\` varchar(32) null, \`icon\` varchar(40) null, \`color\` varchar(7) null, \`note\` varchar(1000) not null, \`is_hidden\` tinyint(1) not null, \`archived_at\` bigint null, \`created_at\` bigint not null, \`updated_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`accounts\` add index \`accounts_user_id_index\` (\`user_id\`);`);
    this.addSql(`alter table \`accounts\` add index \`accounts_user_id_id_index\` (\`user_id\`, \`id\`);`);
    this.addSql(
      `alter table \`accounts\` add index \`accounts_user_id_updated_at_id_index\` (\`user_id\`, \`updated_at\`, \`id\`);`,
    );

    this.addSql(
      `alter table \`transactions\` add constraint \`transactions_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`transaction_tags\` add constraint \`transaction_tags_transaction_id_foreign\` foreign key (\`transaction_id\`) references \`transactions\` (\`id\`) on delete cascade;`,
    );
    this.addSql(
      `alter table \`transaction_tags\` add constraint \`transaction_tags_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`ledger_tombstones\` add constraint \`ledger_tombstones_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`monthly_totals\` add constraint \`monthly_totals_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`ledgers\` add constraint \`ledgers_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on update cascade on delete cascade;`,
    );

    this.addSql(
      `alter table \`entries\` add constraint \`entries_transaction_id_foreign\` foreign key (\`transaction_id\`) references \`transactions\` (\`id\`) on delete cascade;`,
    );
    this.addSql(
      `alter table \`entries\` add constraint \`entries_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`categories\` add constraint \`categories_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`account_months\` add constraint \`account_months_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`accounts\` add constraint \`accounts_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`transaction_tags\` drop foreign key \`transaction_tags_transaction_id_foreign\`;`);
    this.addSql(`alter table \`entries\` drop foreign key \`entries_transaction_id_foreign\`;`);

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
