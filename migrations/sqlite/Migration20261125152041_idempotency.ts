import { Migration } from '@mikro-orm/migrations';

export class Migration20261125152041_idempotency extends Migration {
  override name = 'Migration20261125152041_idempotency';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`idempotency_keys\` (\`caller\` text not null, \`key_hash\` text not null, \`request_hash\` text not null, \`answer\` mediumtext null, \`created_at\` bigint not null, primary key (\`caller\`, \`key_hash\`));`,
    );
    this.addSql(`create index \`idempotency_keys_created_at_index\` on \`idempotency_keys\` (\`created_at\`);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`idempotency_keys\`;`);
  }
}
