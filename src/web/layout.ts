import { html, raw } from 'hono/html';
import type { WebAssets } from './assets.js';

/** A piece of a page, everything in it escaped. */
export type Html = ReturnType<typeof html>;

export interface LayoutOptions {
  readonly title: string;
  /** The way up to the node's root: `` or `../`. Relative, so that the node can be mounted under any path of a proxy. */
  readonly up: string;
  readonly assets: WebAssets;
  readonly version: string;
  /** Client module to run, and others that it will ask for. */
  readonly script?: string;
  readonly preload?: readonly string[];
  /** Beside the name in the head of the page. */
  readonly aside?: Html | string;
  readonly main: Html;
}

/** The frame around every page. */
export function layout(options: LayoutOptions): Html {
  const { title, up, assets, version, script, preload = [], aside = '', main } = options;
  const asset = (file: string): string => assetUrl(up, assets, file);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" type="image/svg+xml" href="${asset('favicon.svg')}">
<link rel="stylesheet" href="${asset('sidepipe.css')}">
${preload.map((file) => html`<link rel="modulepreload" href="${asset(file)}">`)}
${script === undefined ? '' : html`<script type="module" src="${asset(script)}"></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="head">
<a class="brand" href="${up === '' ? './' : up}">${icon(assets, 'logo')}<span>sidepipe</span></a>
${aside}
</header>
${main}
<footer class="foot">
<span>sidepipe ${version}</span>
<nav aria-label="For programs"><a href="${up}api/v1/streams">API</a><a href="${up}readyz">Readiness</a><a href="${up}metrics">Metrics</a></nav>
</footer>
</body>
</html>
`;
}

export function assetUrl(up: string, assets: WebAssets, file: string): string {
  return `${up}assets/${assets.hash}/${file}`;
}

/** An SVG file of the package, put in as it is: decoration, hidden from screen readers. */
export function icon(assets: WebAssets, name: string): Html {
  return raw(assets.icons.get(name) ?? '');
}
