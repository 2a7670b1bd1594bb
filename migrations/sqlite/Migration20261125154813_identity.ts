import { Migration } from '@mikro-orm/migrations';

export class Migration20261125154813_identity extends Migration {
  override name = 'Migration20261125154813_identity';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`mails\` (\`id\` text not null primary key, \`kind\` text not null, \`recipient\` text not null, \`reference\` text null, \`created_at\` bigint not null, \`due_at\` bigint null, \`attempts\` integer not null, \`last_error\` text null);`,
    );
    this.addSql(`create index \`mails_created_at_index\` on \`mails\` (\`created_at\`);`);
    this.addSql(`create index \`mails_due_at_index\` on \`mails\` (\`due_at\`);`);

    this.addSql(
      `create table \`totp_factors\` (\`id\` text not null primary key, \`user_id\` text not null, \`secret\` text not null, \`confirmed_at\` bigint null, \`last_step\` bigint not null, \`failures\` integer not null, \`locked_until\` bigint not null, constraint \`totp_factors_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`totp_factors_user_id_index\` on \`totp_factors\` (\`user_id\`);`);
    this.addSql(`create unique index \`totp_factors_user_id_unique\` on \`totp_factors\` (\`user_id\`);`);

    this.addSql(
      `create table \`recovery_codes\` (\`id\` text not null primary key, \`user_id\` text not null, \`code_hash\` text not null, constraint \`recovery_codes_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`recovery_codes_user_id_index\` on \`recovery_codes\` (\`user_id\`);`);
    this.addSql(
      `create unique index \`recovery_codes_user_id_code_hash_unique\` on \`recovery_codes\` (\`user_id\`, \`code_hash\`);`,
    );

    this.addSql(
      `create table \`preferences\` (\`id\` text not null primary key, \`user_id\` text not null, \`name\` text not null, \`value\` text not null, constraint \`preferences_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`preferences_user_id_index\` on \`preferences\` (\`user_id\`);`);
    this.addSql(`create unique index \`preferences_user_id_name_unique\` on \`preferences\` (\`user_id\`, \`name\`);`);

    this.addSql(
      `create table \`mail_codes\` (\`id\` text not null primary key, \`purpose\` text not null, \`user_id\` text null, \`email\` text not null, \`password_hash\` text null, \`name\` text null, \`code_hash\` text null, \`created_at\` bigint not null, \`expires_at\` bigint not null, constraint \`mail_codes_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`mail_codes_user_id_index\` on \`mail_codes\` (\`user_id\`);`);
    this.addSql(`create unique index \`mail_codes_code_hash_unique\` on \`mail_codes\` (\`code_hash\`);`);
    this.addSql(`create index \`mail_codes_expires_at_index\` on \`mail_codes\` (\`expires_at\`);`);
    this.addSql(`create index \`mail_codes_email_created_at_index\` on \`mail_codes\` (\`email\`, \`created_at\`);`);

    this.addSql(
      `create table \`api_tokens\` (\`id\` text not null primary key, \`user_id\` text not null, \`token_hash\` text not null, \`name\` text not null, \`scopes\` text not null, \`created_at\` bigint not null, \`expires_at\` bigint not null, \`last_used_at\` bigint null, constraint \`api_tokens_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`api_tokens_user_id_index\` on \`api_tokens\` (\`user_id\`);`);
    this.addSql(`create unique index \`api_tokens_token_hash_unique\` on \`api_tokens\` (\`token_hash\`);`);
    this.addSql(`create index \`api_tokens_expires_at_index\` on \`api_tokens\` (\`expires_at\`);`);

    this.addSql(`alter table \`users\` add column \`name\` text null;`);
    this.addSql(`alter table \`users\` add column \`avatar_url\` text null;`);
    this.addSql(`alter table \`users\` add column \`base_currency\` text not null default 'USD';`);
    this.addSql(`alter table \`users\` add column \`time_zone\` text not null default 'UTC';`);
    this.addSql(`alter table \`users\` add column \`locale\` text not null default 'en';`);
    this.addSql(`alter table \`users\` add column \`email_verified_at\` bigint null;`);
    this.addSql(`alter table \`users\` add column \`deletion_at\` bigint null;`);
    this.addSql(`create index \`users_deletion_at_index\` on \`users\` (\`deletion_at\`);`);

    // What begins a session anew cannot be made up for one that exists: everybody signs in again.
    this.addSql(`drop table \`sessions\`;`);
    this.addSql(
      `create table \`sessions\` (\`id\` text not null primary key, \`handle\` text not null, \`user_id\` text not null, \`expires_at\` bigint not null, \`created_at\` bigint not null, \`last_used_at\` bigint not null, \`user_agent\` text null, constraint \`sessions_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade);`,
    );
    this.addSql(`create index \`sessions_user_id_index\` on \`sessions\` (\`user_id\`);`);
    this.addSql(`create index \`sessions_expires_at_index\` on \`sessions\` (\`expires_at\`);`);
    this.addSql(`create unique index \`sessions_handle_unique\` on \`sessions\` (\`handle\`);`);
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`mails\`;`);
    this.addSql(`drop table if exists \`totp_factors\`;`);
    this.addSql(`drop table if exists \`recovery_codes\`;`);
    this.addSql(`drop table if exists \`preferences\`;`);
    this.addSql(`drop table if exists \`mail_codes\`;`);
    this.addSql(`drop table if exists \`api_tokens\`;`);

    this.addSql(`drop index \`sessions_handle_unique\`;`);
    this.addSql(`alter table \`sessions\` drop column \`handle\`;`);
    this.addSql(`alter table \`sessions\` drop column \`last_used_at\`;`);
    this.addSql(`alter table \`sessions\` drop column \`user_agent\`;`);

    this.addSql(`drop index \`users_deletion_at_index\`;`);
    this.addSql(`alter table \`users\` drop column \`name\`;`);
    this.addSql(`alter table \`users\` drop column \`avatar_url\`;`);
    this.addSql(`alter table \`users\` drop column \`base_currency\`;`);
    this.addSql(`alter table \`users\` drop column \`time_zone\`;`);
    this.addSql(`alter table \`users\` drop column \`locale\`;`);
    this.addSql(`alter table \`users\` drop column \`email_verified_at\`;`);
    this.addSql(`alter table \`users\` drop column \`deletion_at\`;`);
  }
}
