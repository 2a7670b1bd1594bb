import { Migration } from '@mikro-orm/migrations';

export class Migration20261126043305_account_moves extends Migration {
  override name = 'Migration20261126043305_account_moves';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`account_moves\` (\`user_id\` varchar(32) not null, \`to_account_id\` varchar(32) not null, \`from_account_id\` varchar(32) not null, \`moved_at\` bigint not null, primary key (\`user_id\`, \`to_account_id\`, \`from_account_id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`account_moves\` add index \`account_moves_user_id_index\` (\`user_id\`);`);

    this.addSql(
      `alter table \`account_moves\` add constraint \`account_moves_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`account_moves\`;`);
  }
}
