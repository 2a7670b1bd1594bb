export { EMAIL_LENGTH, UserSchema, userEntities } from './users.entity.ts';
export type { Exporter } from './users.port.ts';
export {
  adminExists,
  countAdmins,
  describeUser,
  findUserByEmail,
  findUserById,
  insertUser,
  listUserIds,
  lockUser,
  type Role,
  timeZoneOf,
  todayOf,
  updateUser,
  type UserRecord,
  watchAddresses,
} from './users.repository.ts';
export { usersRouter } from './users.router.ts';
export { UsersService } from './users.service.ts';
