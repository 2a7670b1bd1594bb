/** The most memory that this process had resident, in MB: the kernel's own high-water mark. */
export function peakMemoryMb(): number {
  return process.resourceUsage().maxRSS / 2 ** 10;
}
