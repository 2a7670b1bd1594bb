export { stakingEntities } from './staking.entity.ts';
export { StakingService } from './staking.service.ts';
export { StakingSink } from './staking.sink.ts';
