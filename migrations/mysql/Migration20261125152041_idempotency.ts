import { Migration } from '@mikro-orm/migrations';

export class Migration20261125152041_idempotency extends Migration {
  override name = 'Migration20261125152041_idempotency';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`idempotency_keys\` (\`caller\` varchar(80) not null, \`key_hash\` varchar(64) not null, \`request_hash\` varchar(64) not null, \`answer\` mediumtext null, \`created_at\` bigint not null, primary key (\`caller\`, \`key_hash\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`idempotency_keys\` add index \`idempotency_keys_created_at_index\` (\`created_at\`);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`idempotency_keys\`;`);
  }
}
