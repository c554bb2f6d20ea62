import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { type Html, icon } from './layout.js';

/** Details of the selected stream; the client fills in the values. */
export function statusDetail(assets: WebAssets): Html {
  return html`<div class="detail">
<div class="detail-actions">
<a class="button quiet" data-watch-link href="./">Watch</a>
<button class="button quiet" type="button" data-do="edit">Edit</button>
<button class="button quiet" type="button" data-do="restart">Restart</button>
<button class="button quiet" type="button" data-do="rotate" hidden>New stream key</button>
<button class="button danger" type="button" data-do="delete">Delete</button>
<p class="hint" data-configured hidden>Defined in the configuration file. Edit it there.</p>
</div>
<div class="facts-grid">
${facts('Source', [
  ['source', 'Source'],
  ['next', 'Next attempt'],
  ['fps', 'Frame rate'],
  ['bitrate', 'Bitrate'],
  ['speed', 'Speed'],
  ['keyframes', 'Keyframe interval'],
  ['drift', 'Drift'],
  ['media', 'Resolution, codecs'],
])}
${facts('Thumbnail', [
  ['age', 'Age'],
  ['image', 'State'],
  ['gate', 'Gate'],
  ['captured', 'Frames captured'],
  ['rejected', 'Frames rejected'],
  ['dropped', 'Frames dropped'],
])}
${facts('Upload', [
  ['storage', 'Store'],
  ['lag', 'Lag'],
  ['backlog', 'Backlog'],
  ['uploaded', 'Uploaded'],
  ['failed', 'Failed'],
  ['storeError', 'Last error'],
])}
</div>
<section class="obs" data-obs hidden aria-label="Settings for OBS">
<h2>Publish with OBS</h2>
<ol>
<li>In OBS: Settings, Stream, Service <b>Custom…</b></li>
<li>Server ${copyField(assets, 'obs-server', 'Server')}</li>
<li>Stream key: the key shown when it was created. It is shown only once; <b>New stream key</b> replaces it.</li>
<li>Output, Advanced, Streaming: encoder <b>H.264</b> (x264 or hardware), rate control <b>CBR</b>, keyframe interval <b data-obs-keyframes>2 s</b>, preset <b>veryfast</b>, tune <b>zerolatency</b>, audio <b>AAC</b>.</li>
<li>Start streaming. The stream appears here within a few seconds.</li>
</ol>
</section>
<section aria-label="Last hour">
<h2>Last hour</h2>
<div class="charts" data-charts></div>
</section>
<section aria-label="Rejected frames">
<h2>Rejected frames</h2>
<p class="hint" data-no-rejected>None since the stream started.</p>
<ul class="rejected" data-rejected></ul>
</section>
<section aria-label="Restarts">
<h2>Restarts</h2>
<p class="hint" data-no-restarts>None.</p>
<ol class="restarts" data-restarts></ol>
<details class="log"><summary>Last lines of ffmpeg’s log</summary><pre tabindex="0" aria-label="Last lines of ffmpeg’s log" data-stderr></pre></details>
</section>
</div>`;
}

function facts(title: string, rows: readonly (readonly [string, string])[]): Html {
  return html`<section class="panel" aria-label="${title}"><h2>${title}</h2>
<dl>${rows.map(([id, label]) => html`<div><dt>${label}</dt><dd data-fact="${id}">–</dd></div>`)}</dl></section>`;
}

/** A read-only field with a copy button. */
export function copyField(assets: WebAssets | undefined, id: string, label: string): Html {
  return html`<span class="copy-field"><input readonly spellcheck="false" aria-label="${label}" data-text="${id}"><button class="button quiet" type="button" data-copy="${id}">${assets === undefined ? '' : icon(assets, 'copy')}Copy</button></span>`;
}
