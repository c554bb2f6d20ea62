import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { summaryInWords } from './client/words.js';
import { type Html, icon, layout } from './layout.js';
import { type PageStream, signed } from './page-stream.js';
import { pictureFigure, pictureUrl, stateBadge, viewersBadge } from './parts.js';

export interface HomePageOptions {
  readonly streams: readonly PageStream[];
  /** Where the node is, without a slash at its end; undefined where nobody can tell. */
  readonly base: string | undefined;
  readonly rtmpPort: number;
  readonly assets: WebAssets;
  readonly version: string;
  readonly now: number;
}

/** `/`: a card for every stream. */
export function homePage({ streams, base, rtmpPort, assets, version, now }: HomePageOptions): Html {
  return layout({
    title: 'Streams · sidepipe',
    ...{ up: '', assets, version },
    styles: ['home'],
    script: 'home.js',
    main: html`<main id="main" class="home">
<div class="home-head"><h1>Streams</h1><p class="summary" data-summary>${summaryInWords(streams)}</p></div>
<p class="notice" data-unreachable role="status" hidden>${icon(assets, 'warning')}<span>The node does not answer. These are the last pictures that arrived; this page keeps trying.</span></p>
${
  streams.length === 0
    ? emptyState({ assets, host: base === undefined ? 'this-node' : new URL(base).hostname, rtmpPort })
    : html`<ul class="cards">${streams.map((stream) => card(stream, now))}</ul>`
}
</main>`,
  });
}

const closedFigure = html`<figure class="picture"><figcaption>Not open to everyone</figcaption></figure>`;

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
<div class="empty-head">${icon(assets, 'camera')}<div><h2 id="empty-title">No stream yet</h2>
<p>Write one into <code>sidepipe.yaml</code> beside the node and start it again. This page shows it as soon as it is there.</p></div></div>
<div class="ways">
<section aria-labelledby="way-camera">
<h3 id="way-camera">A camera or an address</h3>
<pre><code>streams:
  - name: front-door
    source: rtsp://user:password@camera/1</code></pre>
<p>Or without a file:</p>
<pre><code>sidepipe serve --stream front-door \\
  --source rtsp://camera/1</code></pre>
</section>
<section aria-labelledby="way-push">
<h3 id="way-push">OBS or another encoder</h3>
<pre><code>streams:
  - name: studio
    source: push
    keys: [a-secret-of-your-own]</code></pre>
<p>Then send to this server, with the key as stream key:</p>
<pre><code>${server}</code></pre>
</section>
</div>
<p>Nothing at hand? <code>sidepipe serve --demo</code> shows a moving test picture.</p>
</section>`;
}
