import { readdirSync, readFileSync } from 'node:fs';

/** The CPU time that a process has used so far, all threads, in milliseconds; NaN where the system does not say (it is Linux that does). */
export function cpuMs(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const used = threads.map(
      (thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0],
    );
    return used.reduce((sum, nanoseconds) => sum + Number(nanoseconds), 0) / 1e6;
  } catch {
    return Number.NaN;
  }
}
