import { html } from 'hono/html';
import type { StreamDescription } from '../stream/description.js';
import { viewerStateInWords } from './client/words.js';
import type { Html } from './layout.js';
import { type PageStream, signed } from './page-stream.js';

/** The addresses of a stream for people and programs elsewhere, all absolute. */
export interface StreamAddresses {
  /** Where the node is, without a slash at its end. */
  readonly base: string;
  readonly watch: string;
  readonly embed: string;
  readonly hls: string;
  readonly thumbnail: string;
  /** What describes the watch page to other sites: https://oembed.com. */
  readonly oembed: string;
}

/** `base`: where the node is, without a slash at its end. */
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

/** The size that a player is given elsewhere, unless the picture's own is known. */
export const playerSize = { width: 1280, height: 720 };

/** The code that puts the player into a page elsewhere. */
export function embedCode(
  stream: StreamDescription,
  { embed }: StreamAddresses,
  size = { width: 640, height: 360 },
): Html {
  return html`<iframe src="${embed}" width="${size.width}" height="${size.height}" title="${stream.name}" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen frameborder="0" loading="lazy"></iframe>`;
}

/** What makes a link to the watch page show its picture: Open Graph, the card of Twitter, and the way to oEmbed. */
export function sharingTags(stream: StreamDescription, addresses: StreamAddresses): Html {
  const { watch, embed, thumbnail, oembed } = addresses;
  const { width, height } = stream.thumbnail;
  const description = `${stream.name}: ${viewerStateInWords(stream.state).toLowerCase()}. Watch it and see its newest picture.`;
  const properties: readonly (readonly [string, string | number])[] = [
    ['og:type', 'video.other'],
    ['og:site_name', 'sidepipe'],
    ['og:title', stream.name],
    ['og:description', description],
    ['og:url', watch],
    ['og:image', thumbnail],
    ['og:image:alt', `Newest picture of ${stream.name}`],
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
