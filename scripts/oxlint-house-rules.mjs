/**
 * The rules of the house that are about globals rather than imports, as an oxlint plugin (see .oxlintrc.json):
 *
 * - `ambient-environment`: process.env is read in config/ alone, so that every setting is validated and documented.
 * - `ambient-clock`: the time comes from kernel/, so that a test can set it.
 * - `ambient-randomness`: the same for chance, so that a failing run can be repeated from its seed.
 *
 * Where a rule does not apply is said in .oxlintrc.json, not here.
 */

const CLOCK = {
  message: (what) => `${what} is the clock: take it from kernel/ (or have it handed in), so that a test can set it.`,
  members: { Date: ['now'], performance: ['now', 'timeOrigin'], process: ['hrtime'] },
  modules: { 'node:perf_hooks': ['performance'], 'node:process': ['hrtime'] },
};

const RANDOM_OF_CRYPTO = [
  'getRandomValues',
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'randomUUIDv7',
  'pseudoRandomBytes',
];
const RANDOMNESS = {
  message: (what) => `${what} is chance: take it from kernel/ (or have it handed in), so that a run can be repeated.`,
  members: { Math: ['random'], crypto: RANDOM_OF_CRYPTO, webcrypto: RANDOM_OF_CRYPTO },
  modules: { 'node:crypto': RANDOM_OF_CRYPTO },
};

const ENVIRONMENT = {
  message: (what) => `${what} is read in config/ alone: add the setting there and have it handed in.`,
  members: { process: ['env', 'loadEnvFile'] },
  modules: { 'node:process': ['env', 'loadEnvFile'] },
};

/** Forbids members of globals (`Date.now`), their destructuring, and named or namespace imports of the same things. */
function forbid({ message, members, modules }, more = () => ({})) {
  return {
    create(context) {
      const aliases = new Map();
      const report = (node, what) => context.report({ node, message: message(what) });
      const forbiddenOf = (object) => {
        if (object?.type === 'Identifier') return aliases.get(object.name) ?? members[object.name] ?? [];
        // globalThis.process.env
        if (object?.type === 'MemberExpression' && object.object.name === 'globalThis')
          return members[keyOf(object)] ?? [];
        return [];
      };
      return {
        ImportDeclaration(node) {
          const names = modules[asNodeModule(node.source.value)];
          if (!names) return;
          for (const specifier of node.specifiers) {
            if (specifier.type !== 'ImportSpecifier') aliases.set(specifier.local.name, names);
            else if (names.includes(specifier.imported.name)) report(specifier, specifier.imported.name);
          }
        },
        MemberExpression(node) {
          const key = keyOf(node);
          if (forbiddenOf(node.object).includes(key)) report(node, `${node.object.name ?? keyOf(node.object)}.${key}`);
        },
        VariableDeclarator(node) {
          if (node.id.type !== 'ObjectPattern') return;
          const forbidden = forbiddenOf(node.init);
          for (const { key } of node.id.properties) {
            if (forbidden.includes(key?.name)) report(node, `${node.init.name}.${key.name}`);
          }
        },
        ...more(report),
      };
    },
  };
}

function keyOf(node) {
  return node.computed ? node.property.value : node.property.name;
}

function asNodeModule(name) {
  return name.startsWith('node:') ? name : `node:${name}`;
}

export default {
  meta: { name: 'house' },
  rules: {
    'ambient-environment': forbid(ENVIRONMENT),
    'ambient-randomness': forbid(RANDOMNESS),
    'ambient-clock': forbid(CLOCK, (report) => ({
      NewExpression(node) {
        if (node.callee.name === 'Date' && node.arguments.length === 0) report(node, 'new Date()');
      },
      CallExpression(node) {
        if (node.callee.name === 'Date') report(node, 'Date()');
      },
    })),
  },
};
