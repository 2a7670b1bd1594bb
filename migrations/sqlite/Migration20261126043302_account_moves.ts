import { Migration } from '@mikro-orm/migrations';

export class Migration20261126043302_account_moves extends Migration {
  override name = 'Migration20261126043302_account_moves';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`account_moves\` (\`user_id\` text not null, \`to_account_id\` text not null, \`from_account_id\` text not null, \`moved_at\` bigint not null, primary key (\`user_id\`, \`to_account_id\`, \`from_account_id\`), constraint \`account_moves_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`account_moves_user_id_index\` on \`account_moves\` (\`user_id\`);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`account_moves\`;`);
  }
}
