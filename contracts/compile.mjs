/**
 * Compiles the development contracts. `node contracts/compile.mjs` writes the artifacts and the ABI modules of
 * shared/src/abi; with `--print` it writes nothing and prints `{path: content}`, which artifacts.test.ts compares.
 *
 * Run it as a process of its own: solc installs an unhandledRejection handler that throws.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import solc from 'solc';

const root = fileURLToPath(new URL('..', import.meta.url));
const contracts = [
  { name: 'Token', abiModule: 'shared/src/abi/token.ts', abiName: 'tokenAbi' },
  { name: 'StakeVault', abiModule: 'shared/src/abi/stake-vault.ts', abiName: 'stakeVaultAbi' },
];
const settings = {
  evmVersion: 'cancun',
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: 'none' },
};
const style = { singleQuote: true, printWidth: 120 };

function compile(name, source) {
  const input = {
    language: 'Solidity',
    sources: { [`${name}.sol`]: { content: source } },
    settings: {
      ...settings,
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  // 8760: the output `canUnstake` of getUserStakesDetails is named like the function; the interface asks for both.
  const problems = (output.errors ?? []).filter((error) => error.errorCode !== '8760');
  if (problems.length > 0) {
    throw new Error(problems.map((error) => error.formattedMessage).join('\n'));
  }
  const { abi, evm } = output.contracts[`${name}.sol`][name];
  return {
    contractName: name,
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
    sourceHash: `sha256:${createHash('sha256').update(source).digest('hex')}`,
    compiler: { version: solc.version(), settings },
  };
}

const files = {};
for (const { name, abiModule, abiName } of contracts) {
  const artifact = compile(name, readFileSync(join(root, `contracts/${name}.sol`), 'utf8'));
  files[`contracts/artifacts/${name}.json`] = await prettier.format(JSON.stringify(artifact), {
    ...style,
    parser: 'json',
  });
  const module = `// Generated from contracts/${name}.sol by \`node contracts/compile.mjs\`; do not edit.
/** The interface of the development ${name} contract. */
export const ${abiName} = ${JSON.stringify(artifact.abi)} as const;`;
  files[abiModule] = await prettier.format(module, { ...style, parser: 'typescript' });
}

if (process.argv.includes('--print')) {
  process.stdout.write(JSON.stringify(files));
} else {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    console.log(`wrote ${path}`);
  }
}
