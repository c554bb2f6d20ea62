import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { type Html, icon, layout } from './layout.js';

export interface ErrorPageOptions {
  readonly problem: { readonly status: number; readonly title: string; readonly detail: string };
  /** The requested path: the relative path to the root depends on it. */
  readonly path: string;
  readonly assets: WebAssets;
  readonly version: string;
}

/** The page for people where a program gets a problem document. */
export function errorPage({ problem, path, assets, version }: ErrorPageOptions): Html {
  const up = '../'.repeat(Math.min(Math.max(0, path.split('/').length - 2), 20));
  return layout({
    title: `${problem.title} · sidepipe`,
    up,
    assets,
    version,
    main: html`<main id="main">
<section class="error">
${icon(assets, 'warning')}
<h1>${problem.title}</h1>
<p>${problem.detail}</p>
<p><a class="button" href="${up === '' ? './' : up}">All streams</a></p>
</section>
</main>`,
  });
}
