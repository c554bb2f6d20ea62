import type { ServerClock } from './server-clock.js';

/** A fetch that teaches the clock and never hangs. Rejects when the node cannot be reached. */
export async function fetchTimed(url: string, clock: ServerClock, init: RequestInit = {}): Promise<Response> {
  const sentAt = Date.now();
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  const fromCache = Number(response.headers.get('age') ?? 0) > 0;
  if (!fromCache) clock.observe(Date.parse(response.headers.get('date') ?? ''), sentAt, Date.now());
  return response;
}

/** Runs `task` again and again; each run says how long to rest, undefined for ever. While nobody looks at the page it rests. */
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
