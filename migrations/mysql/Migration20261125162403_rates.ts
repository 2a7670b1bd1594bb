import { Migration } from '@mikro-orm/migrations';

export class Migration20261125162403_rates extends Migration {
  override name = 'Migration20261125162403_rates';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`exchange_rates\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) null, \`scope\` varchar(32) not null, \`base\` varchar(3) not null, \`quote\` varchar(3) not null, \`rated_on\` varchar(10) not null, \`rate\` varchar(30) not null, \`source\` varchar(8) not null, \`updated_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`exchange_rates\` add index \`exchange_rates_user_id_index\` (\`user_id\`);`);
    this.addSql(
      `alter table \`exchange_rates\` add index \`exchange_rates_scope_rated_on_id_index\` (\`scope\`, \`rated_on\`, \`id\`);`,
    );
    this.addSql(
      `alter table \`exchange_rates\` add unique \`exchange_rates_scope_base_quote_rated_on_unique\` (\`scope\`, \`base\`, \`quote\`, \`rated_on\`);`,
    );

    this.addSql(
      `alter table \`exchange_rates\` add constraint \`exchange_rates_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`exchange_rates\`;`);
  }
}
