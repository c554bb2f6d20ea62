import { html } from 'hono/html';
import type { WebAssets } from './assets.js';
import { waitingInWords } from './client/words.js';
import { type Html, icon } from './layout.js';
import { type PageStream, signed } from './page-stream.js';
import { pictureUrl } from './parts.js';

export interface PlayerOptions {
  readonly stream: PageStream;
  readonly assets: WebAssets;
  readonly up: string;
  /** False: playback starts only when the viewer asks for it. */
  readonly autoplay?: boolean;
}

const transportMenu = html`<select class="transports" data-transports hidden aria-label="Transport">
<option value="auto">Auto</option>
<option value="webrtc">WebRTC</option>
<option value="hls">HLS</option>
</select>`;

/** The player's markup; src/web/client/player/player.ts makes it work. */
export function playerPart({ stream, assets, up, autoplay = true }: PlayerOptions): Html {
  const name = encodeURIComponent(stream.name);
  const live = `${up}live/${name}`;
  const isLive = stream.state === 'live';
  const { webrtc } = stream;
  return html`<section class="player" id="player" data-player data-autoplay="${String(autoplay)}" data-state="${stream.state}" data-api-url="${up}api/v1/streams/${name}" data-playlist-url="${signed(`${live}/index.m3u8`, stream)}" data-whep-url="${webrtc === null ? '' : signed(`${live}/whep`, stream)}" data-webrtc="${webrtc?.state ?? ''}" aria-label="Player">
<media-controller nohotkeys noautoseektolive novolumepref nomutedpref nosubtitleslangpref defaultstreamtype="live">
<video slot="media" muted playsinline poster="${pictureUrl(up, stream)}" aria-label="Live video of ${stream.name}"></video>
<media-loading-indicator slot="centered-chrome" noautohide></media-loading-indicator>
<media-play-button class="big-play" slot="centered-chrome" notooltip></media-play-button>
<media-rendition-menu anchor="auto" hidden></media-rendition-menu>
<div class="bar">
<div class="strip" data-strip data-storyboard-url="${signed(`${live}/storyboard.vtt`, stream)}" hidden>
<div class="strip-picture" data-strip-picture hidden aria-hidden="true"><span class="strip-image" data-strip-image></span><span data-strip-words></span></div>
<input type="range" data-strip-range min="0" max="1000" step="10" value="1000" aria-label="Position in the stream" aria-valuetext="live">
</div>
<media-control-bar>
<media-play-button></media-play-button>
<media-mute-button></media-mute-button>
<media-volume-range></media-volume-range>
<media-live-button></media-live-button>
<span class="behind" data-behind></span>
<span class="spacer"></span>
${webrtc === null ? '' : transportMenu}
<media-captions-button></media-captions-button>
<media-rendition-menu-button></media-rendition-menu-button>
<media-pip-button></media-pip-button>
<media-airplay-button></media-airplay-button>
<media-fullscreen-button></media-fullscreen-button>
</media-control-bar>
</div>
</media-controller>
<button type="button" class="unmute" data-unmute hidden>${icon(assets, 'muted')}<span>Unmute</span></button>
<div class="screen" data-screen data-kind="${isLive ? 'connecting' : 'offline'}" role="status">
<span class="screen-icon">${icon(assets, 'camera-off')}</span><span class="spinner"></span>
<p class="screen-title" data-screen-title>${isLive ? 'Connecting' : 'Offline'}</p>
<p data-screen-text>${waitingInWords(stream.state)}</p>
</div>
</section>`;
}
