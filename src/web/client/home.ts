import { fetchTimed, repeat } from './fetching.js';
import { followPicture } from './picture.js';
import { showPlaceholders } from './placeholder.js';
import { followPreview } from './player/preview.js';
import { ServerClock } from './server-clock.js';
import { type ShownStream, summaryInWords, viewerStateInWords, viewersInWords } from './words.js';

const clock = new ServerClock();
const restMs = 3000;
let names = followAll();
showPlaceholders(document);

/** Starts following each thumbnail that is not followed yet. Returns the names of all cards. */
function followAll(): string {
  const cards = [...document.querySelectorAll<HTMLElement>('[data-stream]')];
  for (const card of cards) {
    const figure = card.querySelector<HTMLElement>('[data-picture]');
    if (figure !== null && figure.dataset['followed'] === undefined) {
      figure.dataset['followed'] = '';
      followPicture(figure, clock);
      const link = card.querySelector('a');
      if (link !== null) followPreview(link, figure);
    }
  }
  return cards.map((card) => card.dataset['stream']).join(' ');
}

async function refresh(): Promise<number> {
  const notice = document.querySelector<HTMLElement>('[data-unreachable]');
  try {
    const response = await fetchTimed('api/v1/streams', clock);
    if (!response.ok) throw new Error(`status ${response.status}`);
    const { streams } = (await response.json()) as { streams: readonly ShownStream[] };
    if (notice !== null) notice.hidden = true;
    for (const stream of streams) showState(stream);
    showSummary(streams);
    if (streams.map(({ name }) => name).join(' ') !== names) await rebuild();
  } catch {
    if (notice !== null) notice.hidden = false;
  }
  return restMs;
}

function showState(stream: ShownStream): void {
  const card = document.querySelector<HTMLElement>(`[data-stream="${stream.name}"]`);
  if (card === null) return;
  card.dataset['state'] = stream.state;
  setText(card, '[data-state-words]', viewerStateInWords(stream.state));
  setText(card, '[data-viewers]', viewersInWords(stream));
  setText(card, '[data-reason]', stream.reason?.message ?? '');
}

function showSummary(streams: readonly ShownStream[]): void {
  setText(document, '[data-summary]', summaryInWords(streams));
}

function setText(parent: ParentNode, selector: string, text: string): void {
  const element = parent.querySelector(selector);
  if (element !== null && element.textContent !== text) element.textContent = text;
}

/** After streams were added or removed: fetches the page again and adopts its cards. */
async function rebuild(): Promise<void> {
  const response = await fetchTimed(document.location.href, clock, { headers: { Accept: 'text/html' } });
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html').querySelector('main');
  if (response.ok && fresh !== null) document.querySelector('main')?.replaceWith(document.adoptNode(fresh));
  showPlaceholders(document);
  names = followAll();
}

repeat(refresh);
