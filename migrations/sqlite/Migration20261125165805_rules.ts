import { Migration } from '@mikro-orm/migrations';

export class Migration20261125165805_rules extends Migration {
  override name = 'Migration20261125165805_rules';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`rules\` (\`id\` text not null primary key, \`user_id\` text not null, \`position\` integer not null, \`name\` text not null, \`conditions\` text not null, \`actions\` text not null, \`is_stop\` integer not null, \`is_enabled\` integer not null, \`created_at\` bigint not null, \`updated_at\` bigint not null, constraint \`rules_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`rules_user_id_index\` on \`rules\` (\`user_id\`);`);
    this.addSql(`create index \`rules_user_id_position_id_index\` on \`rules\` (\`user_id\`, \`position\`, \`id\`);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`rules\`;`);
  }
}
