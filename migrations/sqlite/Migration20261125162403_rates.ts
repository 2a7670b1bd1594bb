import { Migration } from '@mikro-orm/migrations';

export class Migration20261125162403_rates extends Migration {
  override name = 'Migration20261125162403_rates';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`exchange_rates\` (\`id\` text not null primary key, \`user_id\` text null, \`scope\` text not null, \`base\` text not null, \`quote\` text not null, \`rated_on\` text not null, \`rate\` text not null, \`source\` text not null, \`updated_at\` bigint not null, constraint \`exchange_rates_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`exchange_rates_user_id_index\` on \`exchange_rates\` (\`user_id\`);`);
    this.addSql(
      `create index \`exchange_rates_scope_rated_on_id_index\` on \`exchange_rates\` (\`scope\`, \`rated_on\`, \`id\`);`,
    );
    this.addSql(
      `create unique index \`exchange_rates_scope_base_quote_rated_on_unique\` on \`exchange_rates\` (\`scope\`, \`base\`, \`quote\`, \`rated_on\`);`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`exchange_rates\`;`);
  }
}
