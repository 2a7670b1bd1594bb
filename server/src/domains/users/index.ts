export { UserSchema, userEntities } from './users.entity.ts';
export {
  adminExists,
  findUserByEmail,
  findUserById,
  insertUser,
  listUserIds,
  type Role,
  updateUser,
  type UserRecord,
  watchAddresses,
  watchedAddresses,
} from './users.repository.ts';
