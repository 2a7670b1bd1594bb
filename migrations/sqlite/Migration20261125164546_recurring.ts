import { Migration } from '@mikro-orm/migrations';

export class Migration20261125164546_recurring extends Migration {
  override name = 'Migration20261125164546_recurring';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`recurring\` (\`id\` text not null primary key, \`user_id\` text not null, \`name\` text not null, \`draft\` text not null, \`rule\` text not null, \`starts_on\` text not null, \`ends_on\` text null, \`count\` integer null, \`last_on\` text null, \`time_zone\` text not null, \`status\` text not null, \`failure\` text null, \`next_on\` text null, \`made_count\` integer not null, \`created_at\` bigint not null, \`updated_at\` bigint not null, constraint \`recurring_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`recurring_user_id_index\` on \`recurring\` (\`user_id\`);`);
    this.addSql(`create index \`recurring_user_id_id_index\` on \`recurring\` (\`user_id\`, \`id\`);`);
    this.addSql(`create index \`recurring_next_on_id_index\` on \`recurring\` (\`next_on\`, \`id\`);`);

    this.addSql(
      `create table \`recurring_dates\` (\`recurring_id\` text not null, \`due_on\` text not null, \`transaction_id\` text null, \`done_at\` bigint not null, primary key (\`recurring_id\`, \`due_on\`), constraint \`recurring_dates_recurring_id_foreign\` foreign key (\`recurring_id\`) references \`recurring\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`recurring_dates_recurring_id_index\` on \`recurring_dates\` (\`recurring_id\`);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`recurring\`;`);
    this.addSql(`drop table if exists \`recurring_dates\`;`);
  }
}
