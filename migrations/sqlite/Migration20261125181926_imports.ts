import { Migration } from '@mikro-orm/migrations';

export class Migration20261125181926_imports extends Migration {
  override name = 'Migration20261125181926_imports';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`import_sources\` (\`user_id\` text not null, \`source\` text not null, \`settings\` text not null, \`updated_at\` bigint not null, primary key (\`user_id\`, \`source\`), constraint \`import_sources_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`import_sources_user_id_index\` on \`import_sources\` (\`user_id\`);`);

    this.addSql(
      `create table \`import_files\` (\`id\` text not null primary key, \`user_id\` text not null, \`bytes\` bigint not null, \`sha256\` text not null, \`created_at\` bigint not null, constraint \`import_files_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`import_files_user_id_index\` on \`import_files\` (\`user_id\`);`);
    this.addSql(
      `create index \`import_files_user_id_created_at_index\` on \`import_files\` (\`user_id\`, \`created_at\`);`,
    );
    this.addSql(`create index \`import_files_created_at_index\` on \`import_files\` (\`created_at\`);`);

    this.addSql(
      `create table \`imports\` (\`id\` text not null primary key, \`user_id\` text not null, \`source\` text not null, \`account_id\` text not null, \`format\` text not null, \`file_id\` text not null, \`file_name\` text not null, \`file_bytes\` bigint not null, \`given\` text not null, \`settings\` text not null, \`warnings\` text not null, \`status\` text not null, \`skips_faulty\` integer not null, \`is_cancel_requested\` integer not null, \`run_hex\` text null, \`run_at\` bigint null, \`beat_at\` bigint not null, \`revision\` integer not null, \`bytes_read\` bigint not null, \`rows_read\` integer not null, \`created\` integer not null, \`duplicates\` integer not null, \`faulty\` integer not null, \`error_code\` text null, \`error_message\` text null, \`created_at\` bigint not null, \`started_at\` bigint null, \`finished_at\` bigint null, constraint \`imports_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`imports_user_id_index\` on \`imports\` (\`user_id\`);`);
    this.addSql(`create index \`imports_user_id_id_index\` on \`imports\` (\`user_id\`, \`id\`);`);
    this.addSql(`create index \`imports_status_index\` on \`imports\` (\`status\`);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`import_sources\`;`);
    this.addSql(`drop table if exists \`import_files\`;`);
    this.addSql(`drop table if exists \`imports\`;`);
  }
}
