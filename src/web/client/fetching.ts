import type { ServerClock } from './server-clock.js';

/** A fetch with a timeout that also updates the clock. Rejects if the node is unreachable. */
export async function fetchTimed(url: string, clock: ServerClock, init: RequestInit = {}): Promise<Response> {
  const sentAt = Date.now();
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  const fromCache = Number(response.headers.get('age') ?? 0) > 0;
  if (!fromCache) clock.observe(Date.parse(response.headers.get('date') ?? ''), sentAt, Date.now());
  return response;
}

/** Runs `task` repeatedly; each run returns the delay before the next, or undefined to stop. Pauses while the page is hidden. */
export function repeat(task: () => Promise<number | undefined>): void {
  const run = async (): Promise<void> => {
    if (document.hidden) {
      document.addEventListener('visibilitychange', () => void run(), { once: true });
      return;
    }
    const restMs = await task();
    if (restMs !== undefined) setTimeout(() => void run(), restMs);
  };
  void run();
}
