// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IToken {
    function approve(address spender, uint256 value) external returns (bool);
    function transfer(address to, uint256 value) external returns (bool);
}

interface IVault {
    function stake(uint256 amount) external;
}

/// @notice An owner of stakes: what it stakes is its own.
contract Staker {
    IVault private immutable _vault;

    constructor(IToken token, IVault vault) {
        _vault = vault;
        token.approve(address(vault), type(uint256).max);
    }

    function stake(uint256 amount) external {
        _vault.stake(amount);
    }
}

/// @notice Many owners that stake within one transaction, for chains with many positions. Every stake is a real one: the
/// vault's views answer for it.
contract Crowd {
    IToken private immutable _token;
    IVault private immutable _vault;
    Staker[] public stakers;
    uint256 private _next;

    constructor(IToken token, IVault vault) {
        _token = token;
        _vault = vault;
    }

    function grow(uint256 count, uint256 tokensEach) external {
        for (uint256 i = 0; i < count; i++) {
            Staker staker = new Staker(_token, _vault);
            stakers.push(staker);
            _token.transfer(address(staker), tokensEach);
        }
    }

    /// @notice The next `count` owners in turn stake `amount` each.
    function stake(uint256 count, uint256 amount) external {
        uint256 size = stakers.length;
        for (uint256 i = 0; i < count; i++) {
            stakers[(_next + i) % size].stake(amount);
        }
        _next += count;
    }
}

/// @notice Put in the place of the vault's code to make its logs quickly: no token moves and no stake is kept.
contract Emitter {
    event Staked(address indexed user, uint256 amount, uint256 timestamp, uint256 stakeIndex);

    bytes32 private constant NEXT = keccak256("finverse.bench.emitter");

    function emitStaked(uint256 count, uint256 owners, uint256 amount) external {
        bytes32 slot = NEXT;
        uint256 next;
        assembly {
            next := sload(slot)
        }
        for (uint256 i = next; i < next + count; i++) {
            emit Staked(address(uint160(uint256(keccak256(abi.encode(i % owners))))), amount, block.timestamp, i / owners);
        }
        next += count;
        assembly {
            sstore(slot, next)
        }
    }
}
