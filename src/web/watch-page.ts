import { html } from 'hono/html';
import type { StreamDescription } from '../stream/types.js';
import { hlsModule, type WebAssets } from './assets.js';
import { factsInWords, waitingInWords } from './client/words.js';
import { assetUrl, type Html, icon, layout } from './layout.js';
import { pictureFigure, pictureUrl, stateBadge } from './parts.js';

export interface WatchPageOptions {
  readonly stream: StreamDescription;
  readonly assets: WebAssets;
  readonly version: string;
  readonly now: number;
}

/** `/watch/{stream}`: the player, the newest picture beside it, and the addresses of both. */
export function watchPage({ stream, assets, version, now }: WatchPageOptions): Html {
  const up = '../';
  const live = `${up}live/${encodeURIComponent(stream.name)}`;
  const api = `${up}api/v1/streams/${encodeURIComponent(stream.name)}`;
  const picture = pictureUrl(up, stream);
  const playlist = `${live}/index.m3u8`;
  return layout({
    title: `${stream.name} · sidepipe`,
    up,
    assets,
    version,
    script: 'watch.js',
    preload: [
      'copy.js',
      'fetching.js',
      'picture.js',
      'placeholder.js',
      'playback.js',
      'seek-strip.js',
      'server-clock.js',
      'storyboard.js',
      'stream-player.js',
      'words.js',
      hlsModule,
    ],
    aside: html`<nav aria-label="Back"><a class="back" href="${up}">${icon(assets, 'back')}<span>All streams</span></a></nav>`,
    main: html`<main id="main" class="watch" data-watch data-state="${stream.state}" data-api-url="${api}" data-playlist-url="${playlist}" data-hls-module="${assetUrl(up, assets, hlsModule)}">
<div class="title"><h1>${stream.name}</h1>${stateBadge(stream)}<p class="reason" data-reason>${stream.reason?.message ?? ''}</p></div>
<div class="stage">
<section class="player" aria-label="Player">
<video controls muted autoplay playsinline poster="${picture}" aria-label="Live picture of ${stream.name}"></video>
<div class="screen" data-screen data-kind="${stream.state === 'live' ? 'connecting' : 'offline'}" role="status">
<span class="screen-icon">${icon(assets, 'camera-off')}</span><span class="spinner"></span>
<p class="screen-title" data-screen-title>${stream.state === 'live' ? 'Connecting' : 'Offline'}</p>
<p data-screen-text>${waitingInWords(stream.state)}</p>
</div>
</section>
<div class="strip" data-strip data-storyboard-url="${live}/storyboard.vtt" hidden>
<div class="strip-picture" data-strip-picture hidden aria-hidden="true"><span class="strip-image" data-strip-image></span><span data-strip-words></span></div>
<input type="range" data-strip-range min="0" max="1000" step="10" value="1000" aria-label="Place in the stream" aria-valuetext="live">
</div>
</div>
<div class="side">
<section class="panel" aria-labelledby="picture-title">
<h2 id="picture-title">Newest picture</h2>
${pictureFigure(stream, picture, now, true)}
</section>
<section class="panel" aria-labelledby="links-title">
<h2 id="links-title">Links</h2>
${linkField(assets, 'hls', 'HLS playlist', absoluteOr(stream.playback.hls, playlist))}
${linkField(assets, 'thumbnail', 'Newest picture', absoluteOr(stream.playback.thumbnail, picture))}
</section>
</div>
<section class="panel about" aria-labelledby="facts-title">
<h2 id="facts-title">About this stream</h2>
<dl class="facts" data-facts>${factsInWords(stream).map(([label, text]) => html`<div><dt>${label}</dt><dd>${text}</dd></div>`)}</dl>
</section>
<noscript><p class="notice">${icon(assets, 'warning')}<span>Playing in this page needs JavaScript. The HLS playlist above plays in any player.</span></p></noscript>
</main>`,
  });
}

function linkField(assets: WebAssets, id: string, label: string, url: string): Html {
  return html`<div class="link" data-link>
<label for="link-${id}">${label}</label>
<div class="link-row"><input id="link-${id}" readonly spellcheck="false" value="${url}">
<button type="button" hidden aria-label="Copy the address: ${label}"><span class="copy-icon">${icon(assets, 'copy')}</span><span class="done-icon">${icon(assets, 'check')}</span></button></div>
<span class="copied" data-copied role="status"></span>
</div>`;
}

/** The public address where one is configured; else the relative one, which the client completes. */
function absoluteOr(url: string, relative: string): string {
  return /^https?:\/\//.test(url) ? url : relative;
}
