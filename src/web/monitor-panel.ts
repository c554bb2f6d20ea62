import { html } from 'hono/html';
import type { StreamDescription } from '../stream/types.js';
import type { Html } from './layout.js';

/** The picture with little delay; nothing for a stream that has no monitor. */
export function monitorPanel({ name, monitor }: StreamDescription, up: string): Html | string {
  if (monitor === null) return '';
  const { width, height } = monitor;
  return html`<section class="panel monitor" aria-labelledby="monitor-title" data-monitor data-monitor-url="${up}live/${encodeURIComponent(name)}/monitor">
<h2 id="monitor-title">Monitor</h2>
<canvas hidden width="${width}" height="${height}" role="img" aria-label="Picture of ${name} with little delay"></canvas>
<p>The picture with little delay, without sound. <span data-monitor-status role="status"></span></p>
<button type="button" class="button" hidden>Start</button>
</section>`;
}
