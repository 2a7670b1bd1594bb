export { EMAIL_LENGTH, UserSchema, userEntities } from './users.entity.ts';
export type { Eraser, Exporter } from './users.port.ts';
export {
  adminExists,
  baseCurrencyOf,
  countAdmins,
  DELETION_BEGUN_MS,
  describeUser,
  findUserByEmail,
  findUserById,
  insertUser,
  listUserIds,
  lockAdmins,
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
