/**
 * The dependency rules of docs/ARCHITECTURE.md, enforced by `npm test`. Dependencies point one way:
 * shared ← kernel ← config, db, trpc ← domains, sync, devchain ← router ← http, main.
 *
 * Paths are regular expressions on the path from the repository's root; `$1` is what the first group of `from` caught.
 * An import of a type counts like any other, unless a rule says otherwise.
 */

/** Tests, and what helps them: `test-….ts` beside them or a folder `testing/`. */
const TEST = '\\.test(-d)?\\.ts$|(^|/)test-[^/]+\\.ts$|/testing/';
const ROUTER = '^server/src/(trpc/)?router\\.ts$';
const TOP = ['^server/src/(main|app)\\.ts$', '^server/src/http/'];
const DEPENDABLE_BY_SHARED = '(^|/)node_modules/(zod|@noble/hashes)/|^(zod|@noble/hashes)(/|$)';
const VIEM = '(^|/)node_modules/viem/|^viem(/|$)';

/** Everything of the server except what the pattern names. */
const serverExcept = (pattern) => `^server/(?!src/(${pattern}))`;

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'No cycles anywhere, not even of types: move what both need to the lower of the two, or hand it in.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'everything-resolves',
      comment: 'This import leads nowhere, so that no rule can judge it.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'tests-are-leaves',
      comment: 'What runs in production imports nothing that is made for tests.',
      severity: 'error',
      from: { pathNot: [TEST, '^(e2e|bench)/'] },
      to: { path: TEST },
    },
    {
      name: 'shared-imports-what-browsers-load',
      comment:
        'shared/ is what server and browser both load: zod, hashes in JavaScript, and nothing of Node, the server or the chain.',
      severity: 'error',
      from: { path: '^shared/src/', pathNot: TEST },
      to: { pathNot: ['^shared/src/', DEPENDABLE_BY_SHARED] },
    },
    {
      name: 'kernel-imports-nothing-of-the-server',
      comment: 'kernel/ is the ground floor of the server.',
      severity: 'error',
      from: { path: '^server/src/kernel/' },
      to: { path: serverExcept('kernel/') },
    },
    {
      name: 'config-imports-kernel-alone',
      comment: 'config/ reads the settings; it knows nothing of what they are for.',
      severity: 'error',
      from: { path: '^server/src/config/', pathNot: TEST },
      to: { path: serverExcept('(config|kernel)/') },
    },
    {
      name: 'db-below-trpc',
      comment: 'db/ imports kernel/ and config/. Entities are handed to it; it does not go and fetch them.',
      severity: 'error',
      from: { path: '^server/src/db/', pathNot: TEST },
      to: { path: serverExcept('(db|kernel|config)/') },
    },
    {
      name: 'trpc-below-domains',
      comment:
        'trpc/ holds context and procedures; only the router merges the domains. Their ports, types alone, it may name.',
      severity: 'error',
      from: { path: '^server/src/trpc/', pathNot: [TEST, ROUTER] },
      to: { path: serverExcept('(trpc|db|kernel|config)/'), pathNot: '[.]port[.]ts$' },
    },
    {
      name: 'domains-below-router',
      comment: 'A domain knows neither who merges it nor who serves it.',
      severity: 'error',
      from: { path: '^server/src/domains/', pathNot: TEST },
      to: { path: [ROUTER, ...TOP, '^server/src/devchain/'] },
    },
    {
      name: 'router-below-main',
      comment: 'The router merges; http/, app.ts and main.ts serve what it merged.',
      severity: 'error',
      from: { path: ROUTER },
      to: { path: [...TOP, '^server/src/devchain/'] },
    },
    {
      name: 'nobody-imports-main',
      comment: 'main.ts composes and listens at import; take app.ts.',
      severity: 'error',
      from: { path: '^(shared|server|client-sdk|web)/' },
      to: { path: '^server/src/main\\.ts$' },
    },
    {
      name: 'domains-through-their-index',
      comment: 'Another domain is entered through its index.ts, never past it; its test support is for every test.',
      severity: 'error',
      from: { path: '^server/src/domains/([^/]+)/' },
      to: {
        path: '^server/src/domains/[^/]+/',
        pathNot: [
          '^server/src/domains/$1/',
          '^server/src/domains/[^/]+/index\\.ts$',
          '^server/src/domains/[^/]+/test-[^/]+\\.ts$',
        ],
      },
    },
    {
      name: 'readers-are-read-by-none',
      comment: 'dashboard and analytics read the other domains; nothing but the router reads them.',
      severity: 'error',
      from: { path: '^server/src/(?:domains/([^/]+)/|sync/|devchain/)', pathNot: TEST },
      to: { path: '^server/src/domains/(analytics|dashboard)/', pathNot: '^server/src/domains/$1/' },
    },
    {
      name: 'sync-knows-no-domain',
      comment: 'The engine hands its facts to a sink that main.ts wires; it knows no domain and nobody above it.',
      severity: 'error',
      from: { path: '^server/src/sync/', pathNot: TEST },
      to: { path: ['^server/src/(domains|devchain)/', ROUTER, ...TOP] },
    },
    {
      name: 'devchain-knows-no-domain',
      comment: 'The embedded chain is a stand-in for the outside world.',
      severity: 'error',
      from: { path: '^server/src/devchain/', pathNot: TEST },
      to: { path: ['^server/src/domains/', ROUTER, ...TOP] },
    },
    {
      name: 'viem-stays-at-the-chain',
      comment: 'viem belongs to sync/ and devchain/, and to what exercises them from outside (e2e, bench, contracts).',
      severity: 'error',
      from: { pathNot: ['^server/src/(sync|devchain)/', '^(e2e|bench|contracts)/', '(^|/)node_modules/'] },
      to: { path: VIEM },
    },
    {
      name: 'server-imports-no-client',
      comment: 'The server is used by these, and uses none of them.',
      severity: 'error',
      from: { path: '^(server/src|shared/src)/', pathNot: TEST },
      to: { path: '^(client-sdk|web|e2e|bench|scripts)/' },
    },
    {
      name: 'sdk-takes-types-alone-from-the-server',
      comment: "client-sdk/ imports the router's type and nothing else of the server.",
      severity: 'error',
      from: { path: '^client-sdk/src/', pathNot: TEST },
      to: { path: '^server/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'sdk-takes-the-router-alone-from-the-server',
      comment: "client-sdk/ imports the router's type and nothing else of the server.",
      severity: 'error',
      from: { path: '^client-sdk/src/', pathNot: TEST },
      to: { path: '^server/', pathNot: ROUTER },
    },
    {
      name: 'sdk-runs-in-browsers',
      comment: 'Nothing of Node in what a browser loads.',
      severity: 'error',
      from: { path: '^(client-sdk|web)/src/', pathNot: TEST },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'web-is-built-on-the-sdk-alone',
      comment: 'The reference frontend shows that the SDK is enough.',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^(server|shared|contracts|migrations|e2e|bench|scripts)/|^client-sdk/src/(?!index\\.ts$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    // Imports as written, type-only ones included; without it they vanish before anybody looks.
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
