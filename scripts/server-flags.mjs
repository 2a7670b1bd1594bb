/**
 * How Node runs the server, also when it is measured. A unit of a back-fill lives longer than it takes to fill V8's default young generation (3 × 16 MB), so
 * much of it is promoted and waits as garbage for a full collection. With 24 the most of it dies young: the peak is lower and, above all, the same in every
 * run (docs/performance.md). It can only be said on the command line.
 */
export const serverFlags = ['--max-semi-space-size=24'];
