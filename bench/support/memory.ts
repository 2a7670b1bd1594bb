const SAMPLE_MS = 20;

/** The most memory that this process had resident, in MB: samples while it is watched, and the kernel's own high-water mark. */
export function watchMemory(): () => { sampledMb: number; peakMb: number } {
  let highest = process.memoryUsage.rss();
  const timer = setInterval(() => (highest = Math.max(highest, process.memoryUsage.rss())), SAMPLE_MS);
  return () => {
    clearInterval(timer);
    return { sampledMb: highest / 2 ** 20, peakMb: process.resourceUsage().maxRSS / 2 ** 10 };
  };
}
