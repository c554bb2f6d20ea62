import { copyField } from './clipboard.js';
import { type CallProblem, call } from './status/call.js';
import { Detail, type DetailSettings, keyframesInWords } from './status/detail.js';
import { find, setText } from './status/elements.js';
import type { Stats } from './status/facts.js';
import { listen, type StatusEvent } from './status/feed.js';
import { Rows } from './status/rows.js';
import { type Created, StreamForm, showFormError } from './status/stream-form.js';

const rows = new Rows(find(document, '[data-rows]'));
const newest = new Map<string, Stats>();
/** Seconds since the epoch, by the node's clock. */
let newestAt = 0;
let selected: { readonly name: string; readonly row: HTMLElement; readonly detail: Detail } | undefined;

const form = new StreamForm({
  dialog: dialog('stream'),
  onCreated: (created) => void added(created),
  onChanged: (name) => say(`${name} updated.`),
  onProblem: complain,
});
find(document, '[data-do="create"]').hidden = false;

listen({
  onEvent: (event) => void take(event),
  onLink: (link) => {
    const state = find(document, '[data-link-state]');
    state.dataset['linkState'] = link;
    setText(state, '[data-link-words]', { live: 'Live', gone: 'Connecting', 'signed-out': 'Signed out' }[link]);
    if (link === 'signed-out')
      complain({
        status: 401,
        code: '',
        detail: 'You are signed out. Sign in again in another tab and reload this page.',
      });
    else if (link === 'live') find(document, '[data-notice]').hidden = true;
  },
});
select();
window.addEventListener('hashchange', select);
document.addEventListener('click', ({ target }) => {
  if (!(target instanceof Element)) return;
  const button = target.closest<HTMLElement>('[data-do], [data-copy]');
  if (button?.dataset['copy'] !== undefined) void copied(button);
  else if (button !== null) void act(button.dataset['do'] ?? '', button);
});
// A second click on an open row closes it; this is not a step back in the history.
find(document, '[data-rows]').addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('.row-link') : null;
  if (link?.getAttribute('aria-expanded') !== 'true') return;
  event.preventDefault();
  closeRow();
});
for (const kind of ['delete', 'rotate'] as const) {
  find<HTMLFormElement>(dialog(kind), 'form').addEventListener('submit', (event) => {
    event.preventDefault();
    void carryOut(kind);
  });
}

async function take(event: StatusEvent): Promise<void> {
  switch (event.type) {
    case 'stats': {
      rows.stats(event.streams);
      newestAt = Date.parse(event.at) / 1000;
      newest.clear();
      for (const stats of event.streams) newest.set(stats.stream, stats);
      const stats = selected && newest.get(selected.name);
      if (stats !== undefined) selected?.detail.stats(stats, newestAt);
      return;
    }
    case 'state':
      rows.state(event.stream, event.state, event.reason?.message ?? '');
      break;
    case 'thumbnail':
      await rows.picture(event.stream);
      return;
    case 'stream':
    case 'reset':
      await rows.sync();
      select();
      if (event.type === 'reset' || event.stream === selected?.name) await selected?.detail.refresh();
      return;
    default:
  }
  if (event.stream !== selected?.name) return;
  if (event.type === 'restart') await selected.detail.restarted();
  else if (event.type === 'gate') await selected.detail.rejected();
  else await selected.detail.described();
}

/** Opens the row that the URL names and closes any other. */
function select(): void {
  // Stream names need no decoding, and an invalid hash may not be decodable.
  const name = location.hash.slice(1);
  const row = rows.get(name);
  if (selected !== undefined && selected.row === row) return;
  if (selected !== undefined) {
    selected.detail.close();
    const place = find(selected.row, '[data-detail]');
    place.replaceChildren();
    place.hidden = true;
    find(selected.row, '.row-link').setAttribute('aria-expanded', 'false');
    selected = undefined;
  }
  if (row === undefined) return;
  const place = find(row, '[data-detail]');
  place.replaceChildren(find<HTMLTemplateElement>(document, '[data-detail-template]').content.cloneNode(true));
  place.hidden = false;
  find(row, '.row-link').setAttribute('aria-expanded', 'true');
  selected = { name, row, detail: new Detail(name, place, complain) };
  const stats = newest.get(name);
  if (stats !== undefined) selected.detail.stats(stats, newestAt);
  row.scrollIntoView({ block: 'nearest' });
}

function closeRow(): void {
  history.pushState(null, '', location.pathname + location.search);
  select();
}

async function act(what: string, button: HTMLElement): Promise<void> {
  if (what === 'create') form.create();
  if (what === 'close') button.closest('dialog')?.close();
  if (selected === undefined) return;
  const { name } = selected;
  if (what === 'edit') await form.edit(name);
  if (what === 'delete' || what === 'rotate') ask(what, name);
  if (what === 'restart') {
    const outcome = await call<{ restarted: boolean }>('POST', `streams/${encodeURIComponent(name)}/restart`);
    if ('problem' in outcome) complain(outcome.problem);
    else
      say(
        outcome.value.restarted ? `${name} is restarting.` : `${name} is not running, so there is nothing to restart.`,
      );
  }
}

function ask(kind: 'delete' | 'rotate', name: string): void {
  const asked = dialog(kind);
  asked.dataset['about'] = name;
  setText(asked, '[data-name]', name);
  showFormError(asked, '');
  asked.showModal();
}

async function carryOut(kind: 'delete' | 'rotate'): Promise<void> {
  const asked = dialog(kind);
  const name = asked.dataset['about'] ?? '';
  const submit = find<HTMLButtonElement>(asked, '[data-submit]');
  const path = `streams/${encodeURIComponent(name)}`;
  const keepPublisher = asked.querySelector<HTMLInputElement>('[name="keepPublisher"]')?.checked === true;
  submit.disabled = true;
  const outcome = await (kind === 'delete'
    ? call<undefined>('DELETE', path)
    : call<Pick<Created, 'publish'> & { readonly key: string }>('POST', `${path}/keys`, { keepPublisher }));
  submit.disabled = false;
  if ('problem' in outcome) {
    showFormError(asked, outcome.problem.detail);
    return;
  }
  asked.close();
  if (outcome.value !== undefined) return showKey({ name, ...outcome.value });
  say(`${name} deleted.`);
  closeRow();
}

async function added(created: Created): Promise<void> {
  say(`${created.name} added.`);
  await rows.sync();
  location.hash = encodeURIComponent(created.name);
  select();
  if (created.key !== undefined) await showKey(created);
}

/** Shows the key once: it is cleared when the dialog closes. */
async function showKey({ name, key = '', publish }: Created): Promise<void> {
  const shown = dialog('key');
  setText(shown, '[data-name]', name);
  find<HTMLInputElement>(shown, '[data-text="key-server"]').value = publish?.rtmp ?? publish?.rtmps ?? '';
  const field = find<HTMLInputElement>(shown, '[data-text="key"]');
  field.value = key;
  shown.addEventListener('close', () => (field.value = ''), { once: true });
  shown.showModal();
  const settings = await call<DetailSettings>('GET', `streams/${encodeURIComponent(name)}/settings`);
  if ('value' in settings) setText(shown, '[data-obs-keyframes]', keyframesInWords(settings.value.settings));
}

async function copied(button: HTMLElement): Promise<void> {
  const isDone = await copyField(find<HTMLInputElement>(button.parentElement ?? document, 'input'));
  const words = button.lastChild;
  if (words?.textContent !== 'Copy') return;
  words.textContent = isDone ? 'Copied' : 'Ctrl+C';
  setTimeout(() => {
    words.textContent = 'Copy';
  }, 2500);
}

function complain({ detail }: CallProblem): void {
  setText(document, '[data-notice-words]', detail);
  find(document, '[data-notice]').hidden = false;
}

function say(text: string): void {
  setText(document, '[data-said]', text);
}

function dialog(name: 'stream' | 'delete' | 'rotate' | 'key'): HTMLDialogElement {
  return find<HTMLDialogElement>(document, `[data-dialog="${name}"]`);
}
