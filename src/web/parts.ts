import { html } from 'hono/html';
import type { StreamDescription } from '../stream/description.js';
import { pictureInWords, viewerStateInWords, viewersInWords } from './client/words.js';
import type { Html } from './layout.js';
import { type PageStream, signed } from './page-stream.js';
import { thumbnailFile } from './sharing.js';

/** The newest thumbnail of a stream with its age; the client keeps both up to date. */
export function pictureFigure(stream: StreamDescription, url: string, now: number, eager = false): Html {
  const { capturedAt, state, placeholder, dominantColour } = stream.thumbnail;
  return html`<figure class="picture" data-picture data-picture-url="${url}" data-captured-at="${capturedAt ?? ''}" data-image-state="${state}" data-placeholder="${placeholder ?? ''}" data-colour="${dominantColour ?? ''}">
<img class="still" src="${url}" alt="Newest thumbnail of ${stream.name}" width="1280" height="720" ${eager ? '' : html`loading="lazy"`} decoding="async">
<figcaption data-age>${ageWords(state, capturedAt, now)}</figcaption>
</figure>`;
}

/** URL of the newest thumbnail, relative to the page: the page may have come from another URL than the public one. */
export function pictureUrl(up: string, stream: PageStream): string {
  return signed(`${up}live/${encodeURIComponent(stream.name)}/${thumbnailFile(stream)}`, stream);
}

/** Number of viewers if the node counts them; empty if there are none. */
export function viewersBadge(stream: StreamDescription): Html {
  return html`<span class="viewers" data-viewers>${viewersInWords(stream)}</span>`;
}

/** The stream's state: a dot and a word. The colour comes from `data-state` of an enclosing element. */
export function stateBadge(stream: StreamDescription, words: (state: string) => string = viewerStateInWords): Html {
  return html`<span class="state"><span class="dot"></span><span data-state-words>${words(stream.state)}</span></span>`;
}

function ageWords(state: StreamDescription['thumbnail']['state'], capturedAt: string | null, now: number): string {
  return pictureInWords(state, capturedAt === null ? undefined : Math.max(0, (now - Date.parse(capturedAt)) / 1000));
}
