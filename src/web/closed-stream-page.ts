import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { type Html, icon, layout } from './layout.js';

export interface ClosedStreamPageOptions {
  /** The requested path, to return to after signing in. */
  readonly path: string;
  readonly assets: WebAssets;
  readonly version: string;
}

/** Shown in place of a stream that this reader may not play. */
export function closedStreamPage({ path, assets, version }: ClosedStreamPageOptions): Html {
  const up = '../';
  return layout({
    title: 'Private stream · sidepipe',
    ...{ up, assets, version },
    main: html`<main id="main">
<section class="error">
${icon(assets, 'camera-off')}
<h1>Private stream</h1>
<p>This stream needs a signed URL. Ask the operator for one. A URL that worked before has expired.</p>
<p><a class="button" href="${up}login?next=${encodeURIComponent(path.slice(1))}">Sign in</a></p>
</section>
</main>`,
  });
}
