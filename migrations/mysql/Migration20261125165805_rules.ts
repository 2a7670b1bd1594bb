import { Migration } from '@mikro-orm/migrations';

export class Migration20261125165805_rules extends Migration {
  override name = 'Migration20261125165805_rules';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`rules\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`position\` int not null, \`name\` varchar(100) not null, \`conditions\` text not null, \`actions\` text not null, \`is_stop\` tinyint(1) not null, \`is_enabled\` tinyint(1) not null, \`created_at\` bigint not null, \`updated_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`rules\` add index \`rules_user_id_index\` (\`user_id\`);`);
    this.addSql(
      `alter table \`rules\` add index \`rules_user_id_position_id_index\` (\`user_id\`, \`position\`, \`id\`);`,
    );

    this.addSql(
      `alter table \`rules\` add constraint \`rules_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`rules\`;`);
  }
}
