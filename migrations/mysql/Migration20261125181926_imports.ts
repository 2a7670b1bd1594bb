import { Migration } from '@mikro-orm/migrations';

export class Migration20261125181926_imports extends Migration {
  override name = 'Migration20261125181926_imports';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`import_sources\` (\`user_id\` varchar(32) not null, \`source\` varchar(40) not null, \`settings\` text not null, \`updated_at\` bigint not null, primary key (\`user_id\`, \`source\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`import_sources\` add index \`import_sources_user_id_index\` (\`user_id\`);`);

    this.addSql(
      `create table \`import_files\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`bytes\` bigint not null, \`sha256\` varchar(64) not null, \`created_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`import_files\` add index \`import_files_user_id_index\` (\`user_id\`);`);
    this.addSql(
      `alter table \`import_files\` add index \`import_files_user_id_created_at_index\` (\`user_id\`, \`created_at\`);`,
    );
    this.addSql(`alter table \`import_files\` add index \`import_files_created_at_index\` (\`created_at\`);`);

    this.addSql(
      `create table \`imports\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`source\` varchar(40) not null, \`account_id\` varchar(32) not null, \`format\` varchar(3) not null, \`file_id\` varchar(32) not null, \`file_name\` varchar(200) not null, \`file_bytes\` bigint not null, \`given\` text not null, \`settings\` text not null, \`warnings\` text not null, \`status\` varchar(12) not null, \`skips_faulty\` tinyint(1) not null, \`is_cancel_requested\` tinyint(1) not null, \`run_hex\` varchar(12) null, \`run_at\` bigint null, \`beat_at\` bigint not null, \`revision\` int not null, \`bytes_read\` bigint not null, \`rows_read\` int not null, \`created\` int not null, \`duplicates\` int not null, \`faulty\` int not null, \`error_code\` varchar(40) null, \`error_message\` varchar(1000) null, \`created_at\` bigint not null, \`started_at\` bigint null, \`finished_at\` bigint null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`imports\` add index \`imports_user_id_index\` (\`user_id\`);`);
    this.addSql(`alter table \`imports\` add index \`imports_user_id_id_index\` (\`user_id\`, \`id\`);`);
    this.addSql(`alter table \`imports\` add index \`imports_status_index\` (\`status\`);`);

    this.addSql(
      `alter table \`import_sources\` add constraint \`import_sources_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`import_files\` add constraint \`import_files_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`imports\` add constraint \`imports_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`import_sources\`;`);
    this.addSql(`drop table if exists \`import_files\`;`);
    this.addSql(`drop table if exists \`imports\`;`);
  }
}
