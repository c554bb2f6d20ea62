import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { documentOf, type Html } from './layout.js';
import { type PageStream, signed } from './page-stream.js';
import { playerPart } from './player-part.js';
import type { StreamAddresses } from './sharing.js';

export interface EmbedPageOptions {
  readonly stream: PageStream;
  readonly addresses: StreamAddresses | undefined;
  readonly assets: WebAssets;
  readonly autoplay: boolean;
}

/** `/embed/{stream}`: the player alone, for iframes on other sites. */
export function embedPage({ stream, addresses, assets, autoplay }: EmbedPageOptions): Html {
  const up = '../';
  return documentOf(
    {
      title: stream.name,
      ...{ up, assets },
      styles: ['player', 'embed'],
      script: 'embed.js',
      head: addresses === undefined ? '' : html`<link rel="canonical" href="${addresses.watch}">`,
    },
    html`<main class="embed">
<h1 class="unseen">${stream.name}</h1>
${playerPart({ stream, assets, up, autoplay })}
<a class="embed-name" href="${signed(`${up}watch/${encodeURIComponent(stream.name)}`, stream)}" target="_blank" rel="noopener">${stream.name}<span class="unseen"> (opens in a new window)</span></a>
<noscript><p class="notice">The player needs JavaScript.</p></noscript>
</main>`,
  );
}
