import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { type Html, icon, layout } from './layout.js';

export interface ClosedStreamPageOptions {
  /** The path that was asked for, to come back to it. */
  readonly path: string;
  readonly assets: WebAssets;
  readonly version: string;
}

/** In the place of a stream that this reader may not see. */
export function closedStreamPage({ path, assets, version }: ClosedStreamPageOptions): Html {
  const up = '../';
  return layout({
    title: 'Not open to everyone · sidepipe',
    ...{ up, assets, version },
    main: html`<main id="main">
<section class="error">
${icon(assets, 'camera-off')}
<h1>Not open to everyone</h1>
<p>This stream is played by signed addresses. Ask whoever runs it for one; an address that worked before has expired.</p>
<p><a class="button" href="${up}login?next=${encodeURIComponent(path.slice(1))}">Sign in</a></p>
</section>
</main>`,
  });
}
