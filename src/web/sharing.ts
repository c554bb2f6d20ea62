import { html } from 'hono/html';
import type { StreamDescription } from '../stream/description.js';
import { viewerStateInWords } from './client/words.js';
import type { Html } from './layout.js';
import { type PageStream, signed } from './page-stream.js';

/** Absolute URLs of a stream, for use outside the node's pages. */
export interface StreamAddresses {
  /** Base URL of the node, without a trailing slash. */
  readonly base: string;
  readonly watch: string;
  readonly embed: string;
  readonly hls: string;
  readonly thumbnail: string;
  /** Describes the watch page to other sites: https://oembed.com. */
  readonly oembed: string;
}

/** `base`: base URL of the node, without a trailing slash. */
export function addressesOf(stream: PageStream, base: string): StreamAddresses {
  const name = encodeURIComponent(stream.name);
  const watch = signed(`${base}/watch/${name}`, stream);
  return {
    base,
    watch,
    embed: signed(`${base}/embed/${name}`, stream),
    hls: signed(`${base}/live/${name}/index.m3u8`, stream),
    thumbnail: signed(`${base}/live/${name}/${thumbnailFile(stream)}`, stream),
    oembed: `${base}/oembed?url=${encodeURIComponent(watch)}&format=json`,
  };
}

export function thumbnailFile(stream: StreamDescription): string {
  return stream.playback.thumbnail.split('/').at(-1) ?? 'thumbnail.jpg';
}

/** Size of a player on other sites if the video's own size is unknown. */
export const playerSize = { width: 1280, height: 720 };

/** HTML that embeds the player in another site. */
export function embedCode(
  stream: StreamDescription,
  { embed }: StreamAddresses,
  size = { width: 640, height: 360 },
): Html {
  return html`<iframe src="${embed}" width="${size.width}" height="${size.height}" title="${stream.name}" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen frameborder="0" loading="lazy"></iframe>`;
}

/** Metadata that lets other sites show a preview of the watch page: Open Graph, Twitter card, oEmbed discovery. */
export function sharingTags(stream: StreamDescription, addresses: StreamAddresses): Html {
  const { watch, embed, thumbnail, oembed } = addresses;
  const { width, height } = stream.thumbnail;
  const description = `${stream.name}: ${viewerStateInWords(stream.state).toLowerCase()}. Watch the stream and see its newest thumbnail.`;
  const properties: readonly (readonly [string, string | number])[] = [
    ['og:type', 'video.other'],
    ['og:site_name', 'sidepipe'],
    ['og:title', stream.name],
    ['og:description', description],
    ['og:url', watch],
    ['og:image', thumbnail],
    ['og:image:alt', `Newest thumbnail of ${stream.name}`],
    ...(width === null || height === null
      ? []
      : ([
          ['og:image:width', width],
          ['og:image:height', height],
        ] as const)),
    ['og:video', embed],
    ['og:video:type', 'text/html'],
    ['og:video:width', playerSize.width],
    ['og:video:height', playerSize.height],
  ];
  return html`<link rel="canonical" href="${watch}">
<link rel="alternate" type="application/json+oembed" href="${oembed}" title="${stream.name}">
<meta name="description" content="${description}">
${properties.map(([property, content]) => html`<meta property="${property}" content="${content}">\n`)}<meta name="twitter:card" content="summary_large_image">
<meta name="twitter:title" content="${stream.name}">
<meta name="twitter:description" content="${description}">
<meta name="twitter:image" content="${thumbnail}">`;
}
