import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { stateInWords } from './client/words.js';
import { type Html, icon, layout } from './layout.js';
import type { PageStream } from './page-stream.js';
import { pictureFigure, pictureUrl, stateBadge } from './parts.js';
import { statusDetail } from './status-detail.js';
import { confirmDialog, keyDialog, rotateDialog, streamDialog } from './status-dialogs.js';

export interface StatusPageOptions {
  readonly streams: readonly PageStream[];
  readonly assets: WebAssets;
  readonly version: string;
  readonly now: number;
}

/** The numbers in a stream's row: the name that the client uses, and the label. */
const numbers = [
  ['fps', 'Frame rate'],
  ['bitrate', 'Bitrate'],
  ['age', 'Thumbnail'],
  ['upload', 'Upload'],
  ['viewers', 'Viewers'],
  ['restarts', 'Restarts'],
] as const;

/** `/status`: the health of every stream, and actions on it. For operators; the client keeps it up to date. */
export function statusPage({ streams, assets, version, now }: StatusPageOptions): Html {
  return layout({
    title: 'Status · sidepipe',
    ...{ up: '', assets, version },
    styles: ['status'],
    script: 'status.js',
    aside: html`<div class="status-tools"><nav aria-label="Pages"><a class="back" href="./">${icon(assets, 'back')}<span>All streams</span></a></nav>
<form method="post" action="logout"><button class="button quiet" type="submit">Sign out</button></form></div>`,
    main: html`<main id="main" class="status" data-status>
<div class="status-head">
<h1>Status</h1>
<p class="summary" data-summary role="status"></p>
<p class="link-state" data-link-state><span class="dot"></span><span data-link-words>Connecting</span></p>
<button class="button" type="button" data-do="create" hidden>Add a stream</button>
</div>
<p class="notice" data-notice role="alert" hidden>${icon(assets, 'warning')}<span data-notice-words></span></p>
<p class="unseen" data-said role="status"></p>
<ul class="rows" data-rows>${streams.map((stream) => row(stream, now))}</ul>
<p class="none" data-none ${streams.length === 0 ? '' : html`hidden`}>No streams yet. Add one here or in the configuration file.</p>
<template data-detail-template>${statusDetail(assets)}</template>
${streamDialog()}${confirmDialog()}${rotateDialog()}${keyDialog()}
<noscript><p class="notice">${icon(assets, 'warning')}<span>This page needs JavaScript. The <a href="api/docs">API</a> returns the same data.</span></p></noscript>
</main>`,
  });
}

/** One stream: thumbnail, state and main numbers. */
function row(stream: PageStream, now: number): Html {
  return html`<li class="row" data-stream="${stream.name}" data-state="${stream.state}" data-origin="${stream.origin}" data-source="${stream.source.kind}">
<a class="row-link" href="#${encodeURIComponent(stream.name)}" aria-expanded="false">
${pictureFigure(stream, pictureUrl('', stream), now)}
<span class="row-name"><span class="name">${stream.name}</span>${stateBadge(stream, stateInWords)}<span class="gate" data-gate></span></span>
<span class="row-numbers">${numbers.map(([id, label]) => html`<span class="number"><span class="label">${label}</span> <span class="value" data-number="${id}">–</span></span>`)}</span>
</a>
<p class="reason" data-reason>${stream.reason?.message ?? ''}</p>
<div data-detail hidden></div>
</li>`;
}
