import { html } from 'hono/html';
import type { Html } from './layout.js';
import { type PageStream, signed } from './page-stream.js';

/** The low-latency monitor; empty for a stream without one. */
export function monitorPanel(stream: PageStream, up: string): Html | string {
  const { name, monitor } = stream;
  if (monitor === null) return '';
  const { width, height } = monitor;
  return html`<section class="panel monitor" aria-labelledby="monitor-title" data-monitor data-monitor-url="${signed(`${up}live/${encodeURIComponent(name)}/monitor`, stream)}">
<h2 id="monitor-title">Monitor</h2>
<canvas hidden width="${width}" height="${height}" role="img" aria-label="Low-latency video of ${name}"></canvas>
<p>Low-latency video without audio. <span data-monitor-status role="status"></span></p>
<button type="button" class="button" hidden>Start</button>
</section>`;
}
