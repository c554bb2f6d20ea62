import { enableCopying } from './copy.js';
import { followPicture } from './picture.js';
import { mountPlayer } from './player/player.js';
import { ServerClock } from './server-clock.js';
import { factsInWords, type ShownStream, viewerStateInWords, viewersInWords } from './words.js';

const clock = new ServerClock();
const page = find<HTMLElement>('[data-watch]');

for (const figure of document.querySelectorAll<HTMLElement>('[data-picture]')) followPicture(figure, clock);
enableCopying(find<HTMLElement>('[data-links]'));
mountPlayer({ root: find<HTMLElement>('[data-player]'), clock, onFacts: show });

const monitor = document.querySelector<HTMLElement>('[data-monitor]');
if (monitor !== null) void import('./monitor.js').then(({ mountMonitor }) => mountMonitor(monitor));

function show(stream: ShownStream): void {
  page.dataset['state'] = stream.state;
  setText('[data-state-words]', viewerStateInWords(stream.state));
  setText('[data-reason]', stream.reason?.message ?? '');
  setText('[data-viewers]', viewersInWords(stream));
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
