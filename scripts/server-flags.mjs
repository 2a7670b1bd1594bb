/**
 * How Node runs the server, also when it is measured. V8 lets the young generation of a 64-bit process grow to three times 16 MB before it collects; with
 * half of it a back-fill peaks 20 to 45 MB lower, at the same speed (docs/performance.md). It can only be said on the command line.
 */
export const serverFlags = ['--max-semi-space-size=8'];
