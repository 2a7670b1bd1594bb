/** Compiles bench/support/crowd.sol and prints the code of its contracts as JSON. A process of its own: solc installs an unhandledRejection handler that throws. */
import { readFileSync } from 'node:fs';
import solc from 'solc';

const content = readFileSync(new URL('crowd.sol', import.meta.url), 'utf8');
const input = {
  language: 'Solidity',
  sources: { 'crowd.sol': { content } },
  settings: {
    evmVersion: 'cancun',
    optimizer: { enabled: true, runs: 200 },
    outputSelection: { '*': { '*': ['evm.bytecode.object', 'evm.deployedBytecode.object'] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter(({ severity }) => severity === 'error');
if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join('\n'));
const { Crowd, Emitter } = output.contracts['crowd.sol'];
process.stdout.write(
  JSON.stringify({
    crowdCreationCode: `0x${Crowd.evm.bytecode.object}`,
    emitterCode: `0x${Emitter.evm.deployedBytecode.object}`,
  }),
);
