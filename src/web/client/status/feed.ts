import type { Stats } from './facts.js';

/** The server-sent events that the page reads. */
export type StatusEvent =
  | { readonly type: 'stats'; readonly at: string; readonly streams: readonly Stats[] }
  | { readonly type: 'reset'; readonly at: string }
  | {
      readonly type: 'state';
      readonly stream: string;
      readonly state: string;
      readonly reason: { readonly message: string } | null;
    }
  | {
      readonly type: 'stream' | 'thumbnail' | 'gate' | 'restart' | 'alert';
      readonly stream: string;
      readonly at: string;
    };

export interface ListenOptions {
  readonly onEvent: (event: StatusEvent) => void;
  /** `gone`: the connection is lost and being re-established. `signed-out`: only a login helps. */
  readonly onLink: (link: 'live' | 'gone' | 'signed-out') => void;
}

const names = ['stats', 'reset', 'state', 'stream', 'thumbnail', 'gate', 'restart', 'alert'];
const RETRY_MS = 3000;

/** Listens while the page is open. */
export function listen({ onEvent, onLink }: ListenOptions): void {
  const source = new EventSource('api/v1/events');
  source.addEventListener('open', () => onLink('live'));
  source.addEventListener('error', () => {
    onLink('gone');
    // Browsers reconnect on their own, but not after a rejected request.
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => void again(), RETRY_MS);
  });
  for (const name of names) {
    source.addEventListener(name, ({ data }: MessageEvent<string>) => onEvent(JSON.parse(data) as StatusEvent));
  }

  const again = async (): Promise<void> => {
    if (await isSignedOut()) onLink('signed-out');
    else {
      listen({ onEvent, onLink });
      // Events in between were missed.
      onEvent({ type: 'reset', at: new Date().toISOString() });
    }
  };
}

/** The node redirects signed-out users from this page. */
async function isSignedOut(): Promise<boolean> {
  const response = await fetch('status', { redirect: 'manual', signal: AbortSignal.timeout(10_000) }).catch(
    () => undefined,
  );
  return response?.type === 'opaqueredirect';
}
