export { UserSchema, userEntities } from './users.entity.ts';
export {
  adminExists,
  findUserByEmail,
  findUserById,
  insertUser,
  type Role,
  updateUser,
  type UserRecord,
  watchAddresses,
  watchedAddresses,
} from './users.repository.ts';
