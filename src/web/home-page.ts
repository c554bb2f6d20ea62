import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { summaryInWords } from './client/words.js';
import { type Html, icon, layout } from './layout.js';
import { type PageStream, signed } from './page-stream.js';
import { pictureFigure, pictureUrl, stateBadge, viewersBadge } from './parts.js';

export interface HomePageOptions {
  readonly streams: readonly PageStream[];
  /** Base URL of the node, without a trailing slash; undefined if unknown. */
  readonly base: string | undefined;
  readonly rtmpPort: number;
  readonly assets: WebAssets;
  readonly version: string;
  readonly now: number;
}

/** `/`: one card per stream. */
export function homePage({ streams, base, rtmpPort, assets, version, now }: HomePageOptions): Html {
  return layout({
    title: 'Streams · sidepipe',
    ...{ up: '', assets, version },
    styles: ['home'],
    script: 'home.js',
    main: html`<main id="main" class="home">
<div class="home-head"><h1>Streams</h1><p class="summary" data-summary>${summaryInWords(streams)}</p></div>
<p class="notice" data-unreachable role="status" hidden>${icon(assets, 'warning')}<span>The node does not respond. These thumbnails may be out of date. Retrying.</span></p>
${
  streams.length === 0
    ? emptyState({ assets, host: base === undefined ? 'this-node' : new URL(base).hostname, rtmpPort })
    : html`<ul class="cards">${streams.map((stream) => card(stream, now))}</ul>`
}
</main>`,
  });
}

const closedFigure = html`<figure class="picture"><figcaption>Private stream</figcaption></figure>`;

function card(stream: PageStream, now: number): Html {
  const path = encodeURIComponent(stream.name);
  const preview = stream.playback.preview.split('/').at(-1) ?? 'preview.webp';
  return html`<li class="card" data-stream="${stream.name}" data-state="${stream.state}">
<a href="watch/${path}"${stream.isClosed ? '' : html` data-preview-url="${signed(`live/${path}/${preview}`, stream)}"`}>
${stream.isClosed ? closedFigure : pictureFigure(stream, pictureUrl('', stream), now)}
<div class="card-text"><h2>${stream.name}</h2><p class="card-facts">${stateBadge(stream)}${viewersBadge(stream)}</p><p class="reason" data-reason>${stream.reason?.message ?? ''}</p></div>
</a>
</li>`;
}

function emptyState({ assets, host, rtmpPort }: { assets: WebAssets; host: string; rtmpPort: number }): Html {
  const server = `rtmp://${host}${rtmpPort === 1935 ? '' : `:${rtmpPort}`}/live`;
  return html`<section class="empty" aria-labelledby="empty-title">
<div class="empty-head">${icon(assets, 'camera')}<div><h2 id="empty-title">No streams yet</h2>
<p>Add one to <code>sidepipe.yaml</code> and restart the node. It then appears on this page.</p></div></div>
<div class="ways">
<section aria-labelledby="way-camera">
<h3 id="way-camera">Camera or URL</h3>
<pre><code>streams:
  - name: front-door
    source: rtsp://user:password@camera/1</code></pre>
<p>Without a configuration file:</p>
<pre><code>sidepipe serve --stream front-door \\
  --source rtsp://camera/1</code></pre>
</section>
<section aria-labelledby="way-push">
<h3 id="way-push">OBS or another encoder</h3>
<pre><code>streams:
  - name: studio
    source: push
    keys: [a-secret-of-your-own]</code></pre>
<p>Publish to this server, with the key as the stream key:</p>
<pre><code>${server}</code></pre>
</section>
</div>
<p>No camera? <code>sidepipe serve --demo</code> shows a test pattern.</p>
</section>`;
}
