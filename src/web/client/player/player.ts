import { fetchTimed, repeat } from '../fetching.js';
import { enableKeyboard } from '../keyboard.js';
import type { ServerClock } from '../server-clock.js';
import type { ShownStream } from '../words.js';
import { SeekStrip } from './seek-strip.js';
import { Sound } from './sound.js';
import { StreamPlayer } from './stream-player.js';
import type { TransportChoice } from './transport.js';
import { WebRtcPlayback } from './webrtc-playback.js';

export interface PlayerMount {
  /** The element that src/web/player-part.ts renders. */
  readonly root: HTMLElement;
  readonly clock: ServerClock;
  /** Called with each new description of the stream. */
  readonly onFacts?: (stream: ShownStream) => void;
}

/** Starts a player of the page: plays, follows the stream's state, and connects the controls. */
export function mountPlayer({ root, clock, onFacts }: PlayerMount): void {
  const { apiUrl = '', playlistUrl = '', whepUrl = '', webrtc, autoplay, state = 'live' } = root.dataset;
  const video = part<HTMLVideoElement>(root, 'video');
  const controller = part<HTMLElement>(root, 'media-controller');
  const sound = new Sound(video, part(root, '[data-unmute]'));
  const screen = part<HTMLElement>(root, '[data-screen]');
  const player = new StreamPlayer({
    ...{ video, screen, sound, playlistUrl, whepUrl, autoplay: autoplay !== 'false' },
    onTransport: (transport) => {
      root.dataset['transport'] = transport;
    },
  });
  player.offerWebRtc(webrtc === 'playable');
  offerTransports(root, player);
  offerToControls(video, player);
  sound.start();
  player.start(state);
  new SeekStrip({
    root: part(root, '[data-strip]'),
    video,
    behind: part(root, '[data-behind]'),
    dateAt: (seconds) => player.dateAt(seconds),
    startSeconds: () => player.startSeconds,
    livePlace: () => player.livePlace,
    liveFrom: () => player.liveFrom,
    behindLive: () => player.behindLive(clock.at(Date.now())),
  }).start();
  answerControls(root, player);
  enableKeyboard(root, keyActions(video, controller, player));
  // Not before the controls can see what the video offers.
  void import('./player-elements.js').then(() => {
    // Includes the waiting screen and the unmute button. media-chrome 4.19 ignores the attribute for this.
    Object.assign(controller, { fullscreenElement: root });
  });
  repeat(async () => {
    try {
      const response = await fetchTimed(apiUrl, clock);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const facts = (await response.json()) as ShownStream;
      player.offerWebRtc(facts.webrtc?.state === 'playable');
      player.setState(facts.state);
      onFacts?.(facts);
    } catch {
      player.setState('unreachable');
    }
    return player.playing ? 4000 : 2000;
  });
}

/** Properties that media-chrome expects on a media element in addition to the browser's own. */
function offerToControls(video: HTMLVideoElement, player: StreamPlayer): void {
  Object.defineProperty(video, 'videoRenditions', { value: player.renditions });
  Object.defineProperty(video, 'liveEdgeStart', { get: () => player.liveFrom });
}

/** The menu with the transports; missing if there is nothing to choose. */
function offerTransports(root: HTMLElement, player: StreamPlayer): void {
  const menu = root.querySelector<HTMLSelectElement>('[data-transports]');
  if (menu === null) return;
  menu.hidden = !WebRtcPlayback.isSupported;
  menu.addEventListener('change', () => player.chooseTransport(menu.value as TransportChoice));
}

/** Requests of media-chrome that the player can answer better. */
function answerControls(root: HTMLElement, player: StreamPlayer): void {
  const instead = (type: string, does: () => void) =>
    root.addEventListener(
      type,
      (event) => {
        event.stopPropagation();
        does();
      },
      { capture: true },
    );
  // The end of the seekable range is closer to live than any segment.
  instead('mediaseektoliverequest', () => player.goLive());
  instead('mediaplayrequest', () => player.play());
}

function keyActions(video: HTMLVideoElement, controller: HTMLElement, player: StreamPlayer) {
  const request = (type: string) => controller.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true }));
  return {
    togglePlay: () => (video.paused ? player.play() : video.pause()),
    toggleSound: () => {
      video.muted = !video.muted;
    },
    toggleFullscreen: () =>
      request(
        controller.hasAttribute('mediaisfullscreen') ? 'mediaexitfullscreenrequest' : 'mediaenterfullscreenrequest',
      ),
    toggleCaptions: () => request('mediatogglesubtitlesrequest'),
    goLive: () => player.goLive(),
    seekBy: (seconds: number) => player.seekBy(seconds),
    changeVolume: (by: number) => {
      video.volume = Math.min(1, Math.max(0, video.volume + by));
      video.muted = video.volume === 0;
    },
  };
}

function part<T extends Element = HTMLElement>(root: ParentNode, selector: string): T {
  const element = root.querySelector<T>(selector);
  if (element === null) throw new Error(`the page has no ${selector}`);
  return element;
}
