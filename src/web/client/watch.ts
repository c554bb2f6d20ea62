import { enableCopying } from './copy.js';
import { fetchTimed, repeat } from './fetching.js';
import { followPicture } from './picture.js';
import { SeekStrip } from './seek-strip.js';
import { ServerClock } from './server-clock.js';
import { StreamPlayer } from './stream-player.js';
import { factsInWords, type StreamFacts, stateInWords } from './words.js';

const clock = new ServerClock();
const page = find<HTMLElement>('[data-watch]');
const { apiUrl = '', playlistUrl = '', hlsModule = '' } = page.dataset;
const player = new StreamPlayer({
  video: find<HTMLVideoElement>('video'),
  screen: find<HTMLElement>('[data-screen]'),
  playlistUrl,
  hlsModuleUrl: new URL(hlsModule, document.baseURI).href,
});

for (const figure of document.querySelectorAll<HTMLElement>('[data-picture]')) followPicture(figure, clock);
enableCopying(document);
player.start(page.dataset['state'] ?? 'live');
new SeekStrip({
  root: find<HTMLElement>('[data-strip]'),
  video: find<HTMLVideoElement>('video'),
  dateAt: (seconds) => player.dateAt(seconds),
  startSeconds: () => player.startSeconds,
}).start();
repeat(async () => {
  try {
    const response = await fetchTimed(apiUrl, clock);
    if (!response.ok) throw new Error(`status ${response.status}`);
    show((await response.json()) as StreamFacts);
  } catch {
    player.setState('unreachable');
  }
  return player.playing ? 4000 : 2000;
});

function show(stream: StreamFacts): void {
  player.setState(stream.state);
  page.dataset['state'] = stream.state;
  setText('[data-state-words]', stateInWords(stream.state));
  setText('[data-reason]', stream.reason?.message ?? '');
  const facts = factsInWords(stream);
  const list = find<HTMLElement>('[data-facts]');
  if (list.dataset['facts'] === facts.join('\n')) return;
  list.dataset['facts'] = facts.join('\n');
  list.replaceChildren(...facts.map(factElement));
}

function factElement([label, text]: readonly [string, string]): HTMLElement {
  const row = document.createElement('div');
  const term = document.createElement('dt');
  const description = document.createElement('dd');
  term.textContent = label;
  description.textContent = text;
  row.append(term, description);
  return row;
}

function setText(selector: string, text: string): void {
  const element = find(selector);
  if (element.textContent !== text) element.textContent = text;
}

function find<T extends Element = HTMLElement>(selector: string): T {
  const element = document.querySelector<T>(selector);
  if (element === null) throw new Error(`the page has no ${selector}`);
  return element;
}
