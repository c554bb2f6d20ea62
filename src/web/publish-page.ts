import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { type Html, icon, layout } from './layout.js';

export interface PublishPageOptions {
  readonly name: string;
  readonly assets: WebAssets;
  readonly version: string;
}

/** `/publish/{stream}`: sends a camera or the screen to a stream. Publishing requires the stream key, so the page itself is open. */
export function publishPage({ name, assets, version }: PublishPageOptions): Html {
  const up = '../';
  return layout({
    title: `Publish to ${name} · sidepipe`,
    ...{ up, assets, version, script: 'publish.js', styles: ['publish'] },
    main: html`<main id="main">
<section class="publish" data-publish data-whip="${up}live/${encodeURIComponent(name)}/whip">
<h1>Publish to ${name}</h1>
<video class="publish-preview" data-preview muted playsinline hidden></video>
<form class="publish-form" data-form>
<input class="unseen" type="text" name="username" value="${name}" autocomplete="username" tabindex="-1" aria-hidden="true" readonly>
<label for="key">Stream key</label>
<input id="key" name="key" type="password" required autocomplete="current-password">
<fieldset>
<legend>Video</legend>
<label><input type="radio" name="video" value="camera" checked> Camera and microphone</label>
<label><input type="radio" name="video" value="screen"> Screen</label>
</fieldset>
<button class="button" type="submit" data-start disabled>Start</button>
<button class="button" type="button" data-stop hidden>Stop</button>
</form>
<p class="publish-state" role="status" data-state-words></p>
<p class="notice" role="alert" data-refusal hidden>${icon(assets, 'warning')}<span data-refusal-words></span></p>
<noscript><p class="notice">Publishing needs JavaScript.</p></noscript>
</section>
</main>`,
  });
}
