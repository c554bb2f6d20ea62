import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { factsInWords } from './client/words.js';
import { type Html, icon, layout } from './layout.js';
import { monitorPanel } from './monitor-panel.js';
import type { PageStream } from './page-stream.js';
import { pictureFigure, pictureUrl, stateBadge, viewersBadge } from './parts.js';
import { playerPart } from './player-part.js';
import { addressesOf, embedCode, sharingTags } from './sharing.js';

export interface WatchPageOptions {
  readonly stream: PageStream;
  /** Base URL of the node, without a trailing slash; undefined if unknown. */
  readonly base: string | undefined;
  /** Whether `base` is the configured public URL: if so, the page does not correct it. */
  readonly isPublic: boolean;
  readonly assets: WebAssets;
  readonly version: string;
  readonly now: number;
}

/** `/watch/{stream}`: the player, the newest thumbnail, and the URLs of both. */
export function watchPage({ stream, base, isPublic, assets, version, now }: WatchPageOptions): Html {
  const up = '../';
  const addresses = addressesOf(stream, base ?? '');
  return layout({
    title: `${stream.name} · sidepipe`,
    ...{ up, assets, version },
    styles: ['player', 'watch'],
    script: 'watch.js',
    head: base === undefined ? '' : sharingTags(stream, addresses),
    aside: html`<nav aria-label="Back"><a class="back" href="${up}">${icon(assets, 'back')}<span>All streams</span></a></nav>`,
    main: html`<main id="main" class="watch" data-watch data-state="${stream.state}">
${playerPart({ stream, assets, up })}
<div class="title">
<h1>${stream.name}</h1>
<p class="title-facts">${stateBadge(stream)}${viewersBadge(stream)}</p>
<div class="actions" data-actions></div>
<p class="reason" data-reason>${stream.reason?.message ?? ''}</p>
</div>
<div class="side">
${monitorPanel(stream, up)}
<section class="panel" aria-labelledby="picture-title">
<h2 id="picture-title">Newest thumbnail</h2>
${pictureFigure(stream, pictureUrl(up, stream), now, true)}
</section>
<section class="panel" aria-labelledby="links-title" data-links data-base="${isPublic ? '' : (base ?? '')}" data-up="${up}">
<h2 id="links-title">Share</h2>
${linkField(assets, 'page', 'This page', addresses.watch)}
${linkField(assets, 'hls', 'HLS playlist', addresses.hls)}
${linkField(assets, 'thumbnail', 'Newest thumbnail', addresses.thumbnail)}
${linkField(assets, 'embed', 'Embed code', String(embedCode(stream, addresses)))}
</section>
</div>
<div class="about">
<section aria-labelledby="facts-title">
<h2 id="facts-title">About this stream</h2>
<dl class="facts" data-facts>${factsInWords(stream).map(([label, text]) => html`<div><dt>${label}</dt><dd>${text}</dd></div>`)}</dl>
</section>
<section aria-labelledby="keys-title">
<h2 id="keys-title">Shortcuts</h2>
<dl class="keys">${keys.map(([key, does]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${does}</dd></div>`)}</dl>
</section>
</div>
<noscript><p class="notice">${icon(assets, 'warning')}<span>The player needs JavaScript. The HLS playlist works in any HLS player.</span></p></noscript>
</main>`,
  });
}

const keys = [
  ['Space', 'Play, pause'],
  ['← →', 'Seek 5 s'],
  ['↑ ↓', 'Volume'],
  ['M', 'Mute'],
  ['F', 'Full screen'],
  ['L', 'Go to live'],
] as const;

function linkField(assets: WebAssets, id: string, label: string, text: string): Html {
  return html`<div class="link" data-link>
<label for="link-${id}">${label}</label>
<div class="link-row"><input id="link-${id}" readonly spellcheck="false" value="${text}">
<button type="button" hidden aria-label="Copy: ${label}"><span class="copy-icon">${icon(assets, 'copy')}</span><span class="done-icon">${icon(assets, 'check')}</span></button></div>
<span class="copied" data-copied role="status"></span>
</div>`;
}
