import { html } from 'hono/html';
import type { Html } from './layout.js';
import { copyField } from './status-detail.js';

/** The dialogs of the status page. Their forms are never submitted by the browser: the client calls the API. */

/** Creates or changes a stream. Field names are setting paths of the API. */
export function streamDialog(): Html {
  return html`<dialog class="dialog" data-dialog="stream" aria-labelledby="stream-dialog-title">
<form data-form="stream" novalidate>
<h2 id="stream-dialog-title" data-title>Add a stream</h2>
<p class="form-error" data-form-error role="alert" tabindex="-1" hidden></p>
${field({ name: 'name', label: 'Name', hint: 'Lowercase letters, digits, hyphens. Used in URLs.' })}
<fieldset data-field="kind"><legend>Source</legend>
<label><input type="radio" name="kind" value="url" checked> Camera or URL</label>
<label><input type="radio" name="kind" value="push"> OBS or another publisher (RTMP)</label>
<label><input type="radio" name="kind" value="test"> Test pattern</label>
</fieldset>
${field({ name: 'source', label: 'URL', hint: 'rtsp://, rtmp://, srt://, http:// or https://, with user name and password if required.' })}
<div class="pairs">
${choice('audio', 'Audio', { auto: 'Automatic', copy: 'Copy', aac: 'Encode to AAC', none: 'None' })}
${field({ name: 'thumbnail.intervalSeconds', label: 'Thumbnail interval (s)', numeric: true })}
${field({ name: 'thumbnail.width', label: 'Thumbnail width (px)', numeric: true })}
${field({ name: 'hls.segmentSeconds', label: 'Segment length (s)', numeric: true })}
${field({ name: 'hls.windowSegments', label: 'Segments in the playlist', numeric: true })}
</div>
<p class="hint">Empty fields use the default.</p>
<details data-more><summary>More settings</summary>
<div class="field" data-field="more"><label for="field-more">JSON, with the setting names of the configuration</label>
<textarea id="field-more" name="more" rows="5" spellcheck="false" aria-describedby="hint-more error-more"></textarea>
<p class="hint" id="hint-more">For example <code>{"preview": {"frames": 12}}</code></p>
<p class="field-error" id="error-more" data-error hidden></p></div>
</details>
<div class="dialog-actions"><button class="button quiet" type="button" data-do="close">Cancel</button><button class="button" type="submit" data-submit>Add</button></div>
</form>
</dialog>`;
}

export function confirmDialog(): Html {
  return html`<dialog class="dialog" data-dialog="delete" aria-labelledby="delete-dialog-title" aria-describedby="delete-dialog-text">
<form data-form="delete">
<h2 id="delete-dialog-title">Delete <span data-name></span>?</h2>
<p class="form-error" data-form-error role="alert" tabindex="-1" hidden></p>
<p id="delete-dialog-text">The stream ends at once for all viewers, and its settings and keys are deleted. Objects on the store remain.</p>
<div class="dialog-actions"><button class="button quiet" type="button" data-do="close" autofocus>Cancel</button><button class="button danger" type="submit" data-submit>Delete <span data-name></span></button></div>
</form>
</dialog>`;
}

export function rotateDialog(): Html {
  return html`<dialog class="dialog" data-dialog="rotate" aria-labelledby="rotate-dialog-title" aria-describedby="rotate-dialog-text">
<form data-form="rotate">
<h2 id="rotate-dialog-title">New stream key for <span data-name></span></h2>
<p class="form-error" data-form-error role="alert" tabindex="-1" hidden></p>
<p id="rotate-dialog-text">All existing keys stop working. The new key is shown only once.</p>
<label class="check"><input type="checkbox" name="keepPublisher"> Keep the current publisher connected</label>
<div class="dialog-actions"><button class="button quiet" type="button" data-do="close">Cancel</button><button class="button" type="submit" data-submit>Create key</button></div>
</form>
</dialog>`;
}

/** Shows a new key. It is never shown again. */
export function keyDialog(): Html {
  return html`<dialog class="dialog" data-dialog="key" aria-labelledby="key-dialog-title">
<form data-form="key">
<h2 id="key-dialog-title">Stream key of <span data-name></span></h2>
<p>Copy it now. It is shown only once.</p>
<p class="stacked"><span>Server</span>${copyField(undefined, 'key-server', 'Server')}</p>
<p class="stacked"><span>Stream key</span>${copyField(undefined, 'key', 'Stream key')}</p>
<p class="hint">In OBS: keyframe interval <b data-obs-keyframes>2 s</b>, rate control CBR, H.264 and AAC.</p>
<div class="dialog-actions"><button class="button" type="button" data-do="close">I have copied it</button></div>
</form>
</dialog>`;
}

interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly numeric?: boolean;
}

function field({ name, label, hint = '', numeric = false }: Field): Html {
  const id = name.replace('.', '-');
  return html`<div class="field" data-field="${name}"><label for="field-${id}">${label}</label>
<input id="field-${id}" name="${name}" autocomplete="off" spellcheck="false" autocapitalize="none" ${numeric ? html`inputmode="decimal" data-numeric` : ''} aria-describedby="hint-${id} error-${id}">
<p class="hint" id="hint-${id}">${hint}</p>
<p class="field-error" id="error-${id}" data-error hidden></p></div>`;
}

function choice(name: string, label: string, values: Readonly<Record<string, string>>): Html {
  return html`<div class="field" data-field="${name}"><label for="field-${name}">${label}</label>
<select id="field-${name}" name="${name}" aria-describedby="error-${name}">${Object.entries(values).map(([value, words]) => html`<option value="${value}">${words}</option>`)}</select>
<p class="hint"></p>
<p class="field-error" id="error-${name}" data-error hidden></p></div>`;
}
