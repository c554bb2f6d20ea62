import { clearPlaceholder, showPlaceholders } from '../placeholder.js';
import { pictureInWords, stateInWords, summaryInWords } from '../words.js';
import { find, setText } from './elements.js';
import { gateInWords, rowNumbers, type Stats } from './facts.js';

/** The list of all streams. The server makes the rows; this keeps them true. */
export class Rows {
  readonly #root: HTMLElement;
  readonly #loading = new Set<string>();

  constructor(root: HTMLElement) {
    this.#root = root;
    showPlaceholders(document);
  }

  get(name: string): HTMLElement | undefined {
    return this.#all.find((row) => row.dataset['stream'] === name);
  }

  stats(streams: readonly Stats[]): void {
    for (const stats of streams) {
      const row = this.get(stats.stream);
      if (row !== undefined) show(row, stats);
    }
    setText(document, '[data-summary]', summaryInWords(streams));
  }

  state(name: string, state: string, reason: string): void {
    const row = this.get(name);
    if (row === undefined) return;
    row.dataset['state'] = state;
    setText(row, '[data-state-words]', stateInWords(state));
    setText(row, ':scope > [data-reason]', reason);
  }

  /** A new picture is there: shown once it is decoded, so that nothing flickers. While one is on its way others are passed over. */
  async picture(name: string): Promise<void> {
    const figure = this.get(name)?.querySelector<HTMLElement>('[data-picture]');
    const old = figure?.querySelector<HTMLImageElement>('img.still');
    if (!figure || !old || this.#loading.has(name) || document.hidden) return;
    this.#loading.add(name);
    try {
      const response = await fetch(figure.dataset['pictureUrl'] ?? '', { cache: 'no-cache' });
      const fresh = old.cloneNode() as HTMLImageElement;
      fresh.removeAttribute('loading');
      fresh.src = URL.createObjectURL(await response.blob());
      await fresh.decode();
      old.replaceWith(fresh);
      if (old.src.startsWith('blob:')) URL.revokeObjectURL(old.src);
      clearPlaceholder(figure);
    } catch {
      // The next event brings the next picture; the age goes on ticking.
    } finally {
      this.#loading.delete(name);
    }
  }

  /** Takes what the server now shows: new rows come, old ones go, those that stay keep what is open in them. */
  async sync(): Promise<void> {
    const response = await fetch('status', { headers: { Accept: 'text/html' } }).catch(() => undefined);
    if (!response?.ok || response.redirected) return;
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
    const rows = [...find(fresh, '[data-rows]').querySelectorAll<HTMLElement>(':scope > [data-stream]')];
    const kept = rows.map((row) => {
      const old = this.get(row.dataset['stream'] ?? '');
      if (old === undefined) return document.adoptNode(row);
      Object.assign(old.dataset, row.dataset);
      setText(old, '[data-state-words]', stateInWords(row.dataset['state'] ?? ''));
      setText(old, ':scope > [data-reason]', row.querySelector('[data-reason]')?.textContent ?? '');
      return old;
    });
    const isOther = kept.length !== this.#all.length || kept.some((row, index) => row !== this.#all[index]);
    if (isOther) {
      for (const row of this.#all) if (!kept.includes(row)) row.remove();
      kept.forEach((row, index) => {
        if (this.#root.children[index] !== row) this.#root.insertBefore(row, this.#root.children[index] ?? null);
      });
    }
    find(document, '[data-none]').hidden = kept.length > 0;
    showPlaceholders(document);
  }

  get #all(): HTMLElement[] {
    return [...this.#root.querySelectorAll<HTMLElement>(':scope > [data-stream]')];
  }
}

function show(row: HTMLElement, stats: Stats): void {
  row.dataset['state'] = stats.state;
  setText(row, '[data-state-words]', stateInWords(stats.state));
  for (const [name, text] of Object.entries(rowNumbers(stats))) setText(row, `[data-number="${name}"]`, text);
  const { ageSeconds, state, gate } = stats.thumbnail;
  setText(row, '[data-gate]', gateInWords(gate));
  setText(row, '[data-age]', pictureInWords(state, ageSeconds ?? undefined));
  const figure = row.querySelector<HTMLElement>('[data-picture]');
  if (figure !== null) figure.dataset['imageState'] = state;
}
