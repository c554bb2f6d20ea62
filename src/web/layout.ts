import { html, raw } from 'hono/html';
import type { WebAssets } from './assets.js';

/** A fragment of a page. Every interpolated value is escaped. */
export type Html = ReturnType<typeof html>;

export interface PageOptions {
  readonly title: string;
  /** Relative path to the node's root: empty or `../`. Relative, so that a proxy can mount the node under any path. */
  readonly up: string;
  readonly assets: WebAssets;
  /** Style sheets in addition to `base.css`, by name without extension. */
  readonly styles?: readonly string[];
  /** The script to run: an entry point of bundle/bundle.ts. It is preloaded with everything that it imports. */
  readonly script?: string;
  /** Additional elements for the head, such as metadata for sharing. */
  readonly head?: Html | string;
}

export interface LayoutOptions extends PageOptions {
  readonly version: string;
  /** Shown beside the name in the page header. */
  readonly aside?: Html | string;
  readonly main: Html;
}

/** The layout of every page: header, content, footer. */
export function layout(options: LayoutOptions): Html {
  const { up, assets, version, aside = '', main } = options;
  return documentOf(
    options,
    html`<a class="skip" href="#main">Skip to content</a>
<header class="head">
<a class="brand" href="${up === '' ? './' : up}">${icon(assets, 'logo')}<span>sidepipe</span></a>
${aside}
</header>
${main}
<footer class="foot">
<span>sidepipe ${version}</span>
<nav aria-label="For operators and programs"><a href="${up}status">Status</a><a href="${up}api/docs">API</a><a href="${up}readyz">Readiness</a><a href="${up}metrics">Metrics</a></nav>
</footer>`,
  );
}

/** A complete HTML document around a body. */
export function documentOf(options: PageOptions, body: Html): Html {
  const { title, up, assets, styles = [], script, head = '' } = options;
  const asset = (file: string): string => assetUrl(up, assets, file);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" type="image/svg+xml" href="${asset('favicon.svg')}">
${['base', ...styles].map((name) => html`<link rel="stylesheet" href="${asset(`${name}.css`)}">`)}
${script === undefined ? '' : scripts(script, options)}
${head}
</head>
<body>
${body}
</body>
</html>
`;
}

function scripts(script: string, { up, assets }: PageOptions): Html {
  const imports = assets.imports.get(script) ?? [];
  return html`${imports.map((file) => html`<link rel="modulepreload" href="${assetUrl(up, assets, file)}">`)}
<script type="module" src="${assetUrl(up, assets, script)}"></script>`;
}

function assetUrl(up: string, assets: WebAssets, file: string): string {
  return `${up}assets/${assets.hash}/${file}`;
}

/** An SVG file of the package, inlined unchanged: decoration, hidden from screen readers. */
export function icon(assets: WebAssets, name: string): Html {
  return raw(assets.icons.get(name) ?? '');
}
