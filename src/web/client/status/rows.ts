import { showPlaceholders } from '../placeholder.js';
import { forgetStill, showStill } from '../still.js';
import { pictureInWords, stateInWords, summaryInWords } from '../words.js';
import { find, setText } from './elements.js';
import { gateInWords, rowNumbers, type Stats } from './facts.js';

/** A hanging request must not prevent the next attempt. */
const TIMEOUT_MS = 10_000;

/** The list of all streams. The server renders the rows; this class keeps them up to date. */
export class Rows {
  readonly #root: HTMLElement;
  readonly #loading = new Set<string>();
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

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

  /** Loads a new thumbnail. While one is loading, further ones are skipped. */
  async picture(name: string): Promise<void> {
    const figure = this.get(name)?.querySelector<HTMLElement>('[data-picture]');
    if (!figure || this.#loading.has(name) || document.hidden) return;
    this.#loading.add(name);
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(figure.dataset['pictureUrl'] ?? '', { cache: 'no-cache', signal });
      if (response.ok) await showStill(figure, await response.blob());
    } catch {
      // The next event brings the next thumbnail; the age keeps counting.
    } finally {
      this.#loading.delete(name);
    }
  }

  /**
   * Adopts the rows that the server now renders: adds new ones, removes old ones, and keeps what is open in the others. Runs one at a
   * time: all calls during a run, such as when many streams are added at once, share the next one.
   */
  sync(): Promise<void> {
    this.#nextSync ??= (this.#syncing ?? Promise.resolve()).then(() => {
      this.#nextSync = undefined;
      // The next run retries.
      this.#syncing = this.#sync().catch(() => {});
      return this.#syncing;
    });
    return this.#nextSync;
  }

  async #sync(): Promise<void> {
    const init = { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(TIMEOUT_MS) };
    const response = await fetch('status', init);
    if (!response.ok || response.redirected) return;
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
      for (const row of this.#all) {
        if (kept.includes(row)) continue;
        row.remove();
        forgetStill(row);
      }
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
