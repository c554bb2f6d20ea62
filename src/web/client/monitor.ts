import type { MonitorNews, MonitorOrder } from './monitor-words.js';

const words = { playing: '', waiting: 'Waiting for video' } as const;

/** The panel with a stream's monitor: starts on request, pauses while the page is hidden. */
export function mountMonitor(root: HTMLElement): void {
  const [button, status] = [find(root, 'button'), find(root, '[data-monitor-status]')];
  let canvas = find(root, 'canvas');
  const canPlay = 'transferControlToOffscreen' in HTMLCanvasElement.prototype;
  if (!canPlay) {
    status.textContent = 'This browser does not support the monitor.';
    return;
  }
  let worker: Worker | undefined;
  let isStarted = false;
  const order = (order: MonitorOrder, transfer: Transferable[] = []): void => worker?.postMessage(order, transfer);
  const show = (news: MonitorNews): void => {
    root.dataset['monitorState'] = news;
    status.textContent = words[news];
  };

  const start = (): void => {
    show('waiting');
    canvas.hidden = false;
    if (worker !== undefined) {
      order({ kind: 'go-on' });
      return;
    }
    worker = new Worker(new URL('monitor-worker.js', import.meta.url), { type: 'module', name: 'monitor' });
    worker.onmessage = ({ data }: MessageEvent<MonitorNews>) => show(data);
    worker.onerror = fail;
    const offscreen = (canvas as HTMLCanvasElement).transferControlToOffscreen();
    order({ kind: 'show', canvas: offscreen, url: socketUrl(root.dataset['monitorUrl'] ?? '') }, [offscreen]);
  };
  const stop = (): void => {
    order({ kind: 'hold' });
    canvas.hidden = true;
    delete root.dataset['monitorState'];
    status.textContent = '';
  };

  /** The worker failed to load, or crashed: the next start creates a new one. */
  const fail = (): void => {
    worker?.terminate();
    worker = undefined;
    // A canvas cannot be transferred twice.
    const fresh = canvas.cloneNode() as HTMLElement;
    canvas.replaceWith(fresh);
    canvas = fresh;
    setStarted(false);
    status.textContent = 'The monitor could not be loaded.';
  };
  const setStarted = (value: boolean): void => {
    isStarted = value;
    button.textContent = isStarted ? 'Stop' : 'Start';
    if (isStarted) start();
    else stop();
  };

  button.hidden = false;
  button.addEventListener('click', () => setStarted(!isStarted));
  document.addEventListener('visibilitychange', () => {
    if (isStarted) order({ kind: document.hidden ? 'hold' : 'go-on' });
  });
}

function socketUrl(relative: string): string {
  const url = new URL(relative, document.baseURI);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

function find(root: HTMLElement, selector: string): HTMLElement {
  const element = root.querySelector<HTMLElement>(selector);
  if (element === null) throw new Error(`the monitor has no ${selector}`);
  return element;
}
