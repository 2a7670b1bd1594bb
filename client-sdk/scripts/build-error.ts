/** A fault of the build that its message explains. */
export class BuildError extends Error {}
