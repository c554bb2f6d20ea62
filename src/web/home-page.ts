import { html } from 'hono/html';
import type { StreamDescription } from '../stream/types.js';
import type { WebAssets } from './assets.js';
import { assetUrl, type Html, icon, layout } from './layout.js';
import { pictureFigure, pictureUrl, stateBadge } from './parts.js';

export interface HomePageOptions {
  readonly streams: readonly StreamDescription[];
  readonly assets: WebAssets;
  readonly version: string;
  readonly now: number;
}

/** `/`: a card for every stream. */
export function homePage({ streams, assets, version, now }: HomePageOptions): Html {
  const live = streams.filter(({ state }) => state === 'live').length;
  return layout({
    title: 'Streams · sidepipe',
    up: '',
    assets,
    version,
    script: 'home.js',
    preload: ['fetching.js', 'picture.js', 'placeholder.js', 'server-clock.js', 'words.js'],
    aside: streams.length === 0 ? '' : html`<p class="summary" data-summary>${live} of ${streams.length} live</p>`,
    main: html`<main id="main" class="home" data-thumbhash-module="${assetUrl('', assets, 'thumbhash.js')}">
<h1>Streams</h1>
<p class="notice" data-unreachable role="status" hidden>${icon(assets, 'warning')}<span>The node does not answer. The pictures below are the last that arrived; this page keeps trying.</span></p>
${streams.length === 0 ? emptyState(assets) : html`<ul class="cards">${streams.map((stream) => card(stream, now))}</ul>`}
</main>`,
  });
}

function card(stream: StreamDescription, now: number): Html {
  const path = encodeURIComponent(stream.name);
  return html`<li class="card" data-stream="${stream.name}" data-state="${stream.state}">
<a href="watch/${path}" aria-label="Watch ${stream.name}">
${pictureFigure(stream, pictureUrl('', stream), now)}
<div class="card-text"><h2>${stream.name}</h2>${stateBadge(stream)}<p class="reason" data-reason>${stream.reason?.message ?? ''}</p></div>
</a>
</li>`;
}

function emptyState(assets: WebAssets): Html {
  return html`<section class="empty">
${icon(assets, 'camera')}
<h2>No stream yet</h2>
<p>Write one into <code>sidepipe.yaml</code> and start the node again:</p>
<pre><code>streams:
  - name: front-door
    source: rtsp://user:password@camera.local/stream</code></pre>
<p>Or name it on the command line:</p>
<pre><code>sidepipe serve --stream front-door --source rtsp://camera.local/stream</code></pre>
<p>No camera at hand? <code>sidepipe serve --demo</code> shows a moving test picture.</p>
</section>`;
}
