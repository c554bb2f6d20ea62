import { startPublishing, type WhipPublication } from './publish/whip-publication.js';
import { find, setText } from './status/elements.js';

/** The page `/publish/{stream}`. */

const root = find(document, '[data-publish]');
const form = find<HTMLFormElement>(root, '[data-form]');
const start = find<HTMLButtonElement>(root, '[data-start]');
const stop = find<HTMLButtonElement>(root, '[data-stop]');
const preview = find<HTMLVideoElement>(root, '[data-preview]');
const refusal = find(root, '[data-refusal]');
let publication: WhipPublication | undefined;

const say = (words: string) => setText(root, '[data-state-words]', words);

function complain(words: string): void {
  setText(root, '[data-refusal-words]', words);
  refusal.hidden = words === '';
}

function show(media: MediaStream | undefined): void {
  preview.srcObject = media ?? null;
  preview.hidden = media === undefined;
  if (media !== undefined) void preview.play().catch(() => {});
  start.hidden = media !== undefined;
  stop.hidden = media === undefined;
}

/** Pages served over plain HTTP may not use the camera, except on the machine itself. */
async function capture(video: string): Promise<MediaStream> {
  if (!('mediaDevices' in navigator))
    throw new Error('The camera is available only over HTTPS. Open this page with https://.');
  const size = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  if (video === 'screen') return navigator.mediaDevices.getDisplayMedia({ video: size, audio: true });
  return navigator.mediaDevices.getUserMedia({ video: size, audio: true });
}

async function publish(): Promise<void> {
  const fields = new FormData(form);
  complain('');
  say('Connecting …');
  start.disabled = true;
  let media: MediaStream | undefined;
  try {
    media = await capture(String(fields.get('video')));
    show(media);
    publication = await startPublishing({
      url: new URL(root.dataset['whip'] ?? '', document.baseURI).href,
      key: String(fields.get('key')),
      media,
      onState: (state) => {
        if (state === 'connected') say('Live');
        else if (state === 'disconnected') say('Connection interrupted …');
        else if (state === 'failed' || state === 'closed') end('The connection was lost.');
      },
    });
  } catch (error) {
    for (const track of media?.getTracks() ?? []) track.stop();
    show(undefined);
    say('');
    complain(error instanceof Error ? error.message : String(error));
  } finally {
    start.disabled = false;
  }
}

function end(words = ''): void {
  publication?.close();
  publication = undefined;
  show(undefined);
  say(words === '' ? 'Stopped' : '');
  complain(words);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void publish();
});
stop.addEventListener('click', () => end());
addEventListener('pagehide', () => publication?.close());
start.disabled = false;
