// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IERC20 {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// @title The StakeVault of the development chain (shape `stake-vault`)
/// @notice Simple interest on locked tokens. A user's stakes are an append-only list: an index, once given, is never
/// reused, and a closed stake keeps its index and timestamp. Rewards are paid only from what exceeds the principal of
/// all users, so that nobody's principal ever pays another's reward.
contract StakeVault {
    struct Stake {
        uint256 amount;
        uint256 timestamp;
        bool claimed;
    }

    uint256 public constant LOCK_PERIOD = 30 days;
    uint256 public constant APY_PERCENTAGE = 10;

    address public immutable stakingToken;
    address public immutable owner;

    /// @notice Principal in the vault now, of everybody and of one user, in base units.
    uint256 public totalStakedAmount;
    mapping(address => uint256) public totalStaked;

    mapping(address => Stake[]) private _stakes;
    bool private _entered;

    event Staked(address indexed user, uint256 amount, uint256 timestamp, uint256 stakeIndex);
    event Claimed(address indexed user, uint256 reward, uint256 stakeIndex);
    event Unstaked(address indexed user, uint256 amount, uint256 reward, uint256 stakeIndex);

    error NotOwner();
    error Reentered();
    error ZeroAddress();
    error ZeroAmount();
    error UnknownStake(address user, uint256 stakeIndex);
    error AlreadyClaimed(uint256 stakeIndex);
    error AlreadyUnstaked(uint256 stakeIndex);
    error NothingToClaim(uint256 stakeIndex);
    error StillLocked(uint256 unlockTimestamp);
    error InsufficientRewards(uint256 available, uint256 needed);
    error TransferFailed();

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner();
        _;
    }

    modifier nonReentrant() {
        if (_entered) revert Reentered();
        _entered = true;
        _;
        _entered = false;
    }

    constructor(address stakingToken_) {
        if (stakingToken_ == address(0)) revert ZeroAddress();
        stakingToken = stakingToken_;
        owner = msg.sender;
    }

    // ---- users

    function stake(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        uint256 stakeIndex = _stakes[msg.sender].length;
        _stakes[msg.sender].push(Stake(amount, block.timestamp, false));
        totalStaked[msg.sender] += amount;
        totalStakedAmount += amount;
        _pull(amount);
        emit Staked(msg.sender, amount, block.timestamp, stakeIndex);
    }

    /// @notice Pays the reward accrued so far. Allowed at any time, before or after the lock; one claim per stake.
    function claim(uint256 stakeIndex) external nonReentrant {
        Stake storage position = _stakeAt(msg.sender, stakeIndex);
        if (position.amount == 0) revert AlreadyUnstaked(stakeIndex);
        if (position.claimed) revert AlreadyClaimed(stakeIndex);
        uint256 reward = calculateReward(position.amount, position.timestamp);
        if (reward == 0) revert NothingToClaim(stakeIndex);
        _requireRewards(reward);
        position.claimed = true;
        _push(msg.sender, reward);
        emit Claimed(msg.sender, reward, stakeIndex);
    }

    /// @notice Pays the principal once the lock is over, and the reward unless it was claimed before.
    function unstake(uint256 stakeIndex) external nonReentrant {
        Stake storage position = _stakeAt(msg.sender, stakeIndex);
        uint256 amount = position.amount;
        if (amount == 0) revert AlreadyUnstaked(stakeIndex);
        uint256 unlockTimestamp = position.timestamp + LOCK_PERIOD;
        if (block.timestamp < unlockTimestamp) revert StillLocked(unlockTimestamp);
        uint256 reward = position.claimed ? 0 : calculateReward(amount, position.timestamp);
        _requireRewards(reward);
        position.amount = 0;
        position.claimed = true;
        totalStaked[msg.sender] -= amount;
        totalStakedAmount -= amount;
        _push(msg.sender, amount + reward);
        emit Unstaked(msg.sender, amount, reward, stakeIndex);
    }

    // ---- owner

    function depositRewards(uint256 amount) external onlyOwner nonReentrant {
        if (amount == 0) revert ZeroAmount();
        _pull(amount);
    }

    /// @notice Takes rewards back out to the owner. Principal is out of its reach.
    function emergencyWithdraw(uint256 amount) external onlyOwner nonReentrant {
        if (amount == 0) revert ZeroAmount();
        _requireRewards(amount);
        _push(owner, amount);
    }

    // ---- views

    function getUserStake(
        address user,
        uint256 stakeIndex
    ) external view returns (uint256 amount, uint256 timestamp, bool claimed) {
        Stake storage position = _stakeAt(user, stakeIndex);
        return (position.amount, position.timestamp, position.claimed);
    }

    function getUserStakeCount(address user) external view returns (uint256) {
        return _stakes[user].length;
    }

    /// @notice Every index the user was ever given, closed stakes included.
    function getUserStakeIds(address user) external view returns (uint256[] memory ids) {
        ids = new uint256[](_stakes[user].length);
        for (uint256 i = 0; i < ids.length; i++) ids[i] = i;
    }

    function getUserStakesDetails(
        address user,
        uint256[] calldata stakeIds
    )
        external
        view
        returns (
            uint256[] memory amounts,
            uint256[] memory timestamps,
            bool[] memory claimed,
            uint256[] memory rewards,
            bool[] memory canUnstake
        )
    {
        amounts = new uint256[](stakeIds.length);
        timestamps = new uint256[](stakeIds.length);
        claimed = new bool[](stakeIds.length);
        rewards = new uint256[](stakeIds.length);
        canUnstake = new bool[](stakeIds.length);
        for (uint256 i = 0; i < stakeIds.length; i++) {
            Stake storage position = _stakeAt(user, stakeIds[i]);
            amounts[i] = position.amount;
            timestamps[i] = position.timestamp;
            claimed[i] = position.claimed;
            rewards[i] = _pendingReward(position);
            canUnstake[i] = _isUnlocked(position);
        }
    }

    function getPendingReward(address user, uint256 stakeIndex) external view returns (uint256) {
        return _pendingReward(_stakeAt(user, stakeIndex));
    }

    function canUnstake(address user, uint256 stakeIndex) external view returns (bool) {
        return _isUnlocked(_stakeAt(user, stakeIndex));
    }

    /// @notice Simple interest on `amount` from `timestamp` to the current block, rounded down to a base unit.
    function calculateReward(uint256 amount, uint256 timestamp) public view returns (uint256) {
        if (timestamp >= block.timestamp) return 0;
        return (amount * APY_PERCENTAGE * (block.timestamp - timestamp)) / (365 days * 100);
    }

    // ---- internals

    function _stakeAt(address user, uint256 stakeIndex) private view returns (Stake storage) {
        if (stakeIndex >= _stakes[user].length) revert UnknownStake(user, stakeIndex);
        return _stakes[user][stakeIndex];
    }

    function _pendingReward(Stake storage position) private view returns (uint256) {
        return position.claimed ? 0 : calculateReward(position.amount, position.timestamp);
    }

    function _isUnlocked(Stake storage position) private view returns (bool) {
        return position.amount > 0 && block.timestamp >= position.timestamp + LOCK_PERIOD;
    }

    /// @dev Must run while the principal of the paid-out stake is still counted.
    function _requireRewards(uint256 needed) private view {
        uint256 balance = IERC20(stakingToken).balanceOf(address(this));
        uint256 available = balance > totalStakedAmount ? balance - totalStakedAmount : 0;
        if (available < needed) revert InsufficientRewards(available, needed);
    }

    /// @dev A token that takes a fee on the way is refused: the vault would owe more than it holds.
    function _pull(uint256 amount) private {
        uint256 before = IERC20(stakingToken).balanceOf(address(this));
        _call(abi.encodeCall(IERC20.transferFrom, (msg.sender, address(this), amount)));
        if (IERC20(stakingToken).balanceOf(address(this)) - before != amount) revert TransferFailed();
    }

    function _push(address to, uint256 amount) private {
        _call(abi.encodeCall(IERC20.transfer, (to, amount)));
    }

    /// @dev Accepts tokens that return true and those that return nothing; passes their own revert reason on.
    function _call(bytes memory data) private {
        if (stakingToken.code.length == 0) revert TransferFailed();
        (bool ok, bytes memory answer) = stakingToken.call(data);
        if (!ok) {
            if (answer.length == 0) revert TransferFailed();
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        if (answer.length != 0 && (answer.length < 32 || !abi.decode(answer, (bool)))) revert TransferFailed();
    }
}
