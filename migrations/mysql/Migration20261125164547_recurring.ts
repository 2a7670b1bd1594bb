import { Migration } from '@mikro-orm/migrations';

export class Migration20261125164547_recurring extends Migration {
  override name = 'Migration20261125164547_recurring';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`recurring\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`name\` varchar(100) not null, \`draft\` text not null, \`rule\` varchar(300) not null, \`starts_on\` varchar(10) not null, \`ends_on\` varchar(10) null, \`count\` int null, \`last_on\` varchar(10) null, \`time_zone\` varchar(64) not null, \`status\` varchar(8) not null, \`failure\` text null, \`next_on\` varchar(10) null, \`made_count\` int not null, \`created_at\` bigint not null, \`updated_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`recurring\` add index \`recurring_user_id_index\` (\`user_id\`);`);
    this.addSql(`alter table \`recurring\` add index \`recurring_user_id_id_index\` (\`user_id\`, \`id\`);`);
    this.addSql(`alter table \`recurring\` add index \`recurring_next_on_id_index\` (\`next_on\`, \`id\`);`);

    this.addSql(
      `create table \`recurring_dates\` (\`recurring_id\` varchar(32) not null, \`due_on\` varchar(10) not null, \`transaction_id\` varchar(32) null, \`done_at\` bigint not null, primary key (\`recurring_id\`, \`due_on\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`recurring_dates\` add index \`recurring_dates_recurring_id_index\` (\`recurring_id\`);`);

    this.addSql(
      `alter table \`recurring\` add constraint \`recurring_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`recurring_dates\` add constraint \`recurring_dates_recurring_id_foreign\` foreign key (\`recurring_id\`) references \`recurring\` (\`id\`) on delete cascade;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`alter table \`recurring_dates\` drop foreign key \`recurring_dates_recurring_id_foreign\`;`);

    this.addSql(`drop table if exists \`recurring\`;`);
    this.addSql(`drop table if exists \`recurring_dates\`;`);
  }
}
