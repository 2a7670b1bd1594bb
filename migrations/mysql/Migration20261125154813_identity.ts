import { Migration } from '@mikro-orm/migrations';

export class Migration20261125154813_identity extends Migration {
  override name = 'Migration20261125154813_identity';

  override up(): void | Promise<void> {
    this.addSql(
      `create table \`mails\` (\`id\` varchar(32) not null, \`kind\` varchar(32) not null, \`recipient\` varchar(254) not null, \`reference\` varchar(32) null, \`created_at\` bigint not null, \`due_at\` bigint null, \`attempts\` int not null, \`last_error\` varchar(200) null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`mails\` add index \`mails_created_at_index\` (\`created_at\`);`);
    this.addSql(`alter table \`mails\` add index \`mails_due_at_index\` (\`due_at\`);`);

    this.addSql(
      `create table \`totp_factors\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`secret\` varchar(64) not null, \`confirmed_at\` bigint null, \`last_step\` bigint not null, \`failures\` int not null, \`locked_until\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`totp_factors\` add index \`totp_factors_user_id_index\` (\`user_id\`);`);
    this.addSql(`alter table \`totp_factors\` add unique \`totp_factors_user_id_unique\` (\`user_id\`);`);

    this.addSql(
      `create table \`recovery_codes\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`code_hash\` varchar(64) not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`recovery_codes\` add index \`recovery_codes_user_id_index\` (\`user_id\`);`);
    this.addSql(
      `alter table \`recovery_codes\` add unique \`recovery_codes_user_id_code_hash_unique\` (\`user_id\`, \`code_hash\`);`,
    );

    this.addSql(
      `create table \`preferences\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`name\` varchar(64) not null, \`value\` varchar(1000) not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`preferences\` add index \`preferences_user_id_index\` (\`user_id\`);`);
    this.addSql(`alter table \`preferences\` add unique \`preferences_user_id_name_unique\` (\`user_id\`, \`name\`);`);

    this.addSql(
      `create table \`mail_codes\` (\`id\` varchar(32) not null, \`purpose\` varchar(16) not null, \`user_id\` varchar(32) null, \`email\` varchar(254) not null, \`password_hash\` varchar(255) null, \`name\` varchar(100) null, \`code_hash\` varchar(64) null, \`created_at\` bigint not null, \`expires_at\` bigint not null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`mail_codes\` add index \`mail_codes_user_id_index\` (\`user_id\`);`);
    this.addSql(`alter table \`mail_codes\` add unique \`mail_codes_code_hash_unique\` (\`code_hash\`);`);
    this.addSql(`alter table \`mail_codes\` add index \`mail_codes_expires_at_index\` (\`expires_at\`);`);
    this.addSql(
      `alter table \`mail_codes\` add index \`mail_codes_email_created_at_index\` (\`email\`, \`created_at\`);`,
    );

    this.addSql(
      `create table \`api_tokens\` (\`id\` varchar(32) not null, \`user_id\` varchar(32) not null, \`token_hash\` varchar(64) not null, \`name\` varchar(100) not null, \`scopes\` varchar(1000) not null, \`created_at\` bigint not null, \`expires_at\` bigint not null, \`last_used_at\` bigint null, primary key (\`id\`)) default character set utf8mb4 collate utf8mb4_bin engine = InnoDB;`,
    );
    this.addSql(`alter table \`api_tokens\` add index \`api_tokens_user_id_index\` (\`user_id\`);`);
    this.addSql(`alter table \`api_tokens\` add unique \`api_tokens_token_hash_unique\` (\`token_hash\`);`);
    this.addSql(`alter table \`api_tokens\` add index \`api_tokens_expires_at_index\` (\`expires_at\`);`);

    this.addSql(
      `alter table \`users\` add \`name\` varchar(100) null, add \`avatar_url\` varchar(2048) null, add \`base_currency\` varchar(3) not null default 'USD', add \`time_zone\` varchar(64) not null default 'UTC', add \`locale\` varchar(35) not null default 'en', add \`email_verified_at\` bigint null, add \`deletion_at\` bigint null;`,
    );
    this.addSql(`alter table \`users\` add index \`users_deletion_at_index\` (\`deletion_at\`);`);

    // What begins a session anew cannot be made up for one that exists: everybody signs in again.
    this.addSql(`delete from \`sessions\`;`);
    this.addSql(
      `alter table \`sessions\` add \`handle\` varchar(32) not null, add \`last_used_at\` bigint not null, add \`user_agent\` varchar(200) null;`,
    );
    this.addSql(`alter table \`sessions\` add unique \`sessions_handle_unique\` (\`handle\`);`);

    this.addSql(
      `alter table \`totp_factors\` add constraint \`totp_factors_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`recovery_codes\` add constraint \`recovery_codes_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`preferences\` add constraint \`preferences_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`mail_codes\` add constraint \`mail_codes_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );

    this.addSql(
      `alter table \`api_tokens\` add constraint \`api_tokens_user_id_foreign\` foreign key (\`user_id\`) references \`users\` (\`id\`) on delete cascade;`,
    );
  }

  override down(): void | Promise<void> {
    this.addSql(`drop table if exists \`mails\`;`);
    this.addSql(`drop table if exists \`totp_factors\`;`);
    this.addSql(`drop table if exists \`recovery_codes\`;`);
    this.addSql(`drop table if exists \`preferences\`;`);
    this.addSql(`drop table if exists \`mail_codes\`;`);
    this.addSql(`drop table if exists \`api_tokens\`;`);

    this.addSql(`alter table \`sessions\` drop index \`sessions_handle_unique\`;`);
    this.addSql(
      `alter table \`sessions\` drop column \`handle\`, drop column \`last_used_at\`, drop column \`user_agent\`;`,
    );

    this.addSql(`alter table \`users\` drop index \`users_deletion_at_index\`;`);
    this.addSql(
      `alter table \`users\` drop column \`name\`, drop column \`avatar_url\`, drop column \`base_currency\`, drop column \`time_zone\`, drop column \`locale\`, drop column \`email_verified_at\`, drop column \`deletion_at\`;`,
    );
  }
}
