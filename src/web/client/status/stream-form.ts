import { type CallProblem, call } from './call.js';
import type { DetailSettings } from './detail.js';
import { find, setText } from './elements.js';
import { createBody, type FieldFault, type FormValues, faultsOf, patchBody, valuesOf } from './form-values.js';

/** The part of the API's response to a new stream that the page reads. */
export interface Created {
  readonly name: string;
  readonly key?: string;
  readonly publish: { readonly rtmp: string | null; readonly rtmps: string | null } | null;
}

interface StreamFormOptions {
  readonly dialog: HTMLDialogElement;
  readonly onCreated: (created: Created) => void;
  readonly onChanged: (name: string) => void;
  readonly onProblem: (problem: CallProblem) => void;
}

const empty: FormValues = valuesOf('', { audio: 'auto' });

/** The form that creates and changes streams. Input stays until it is accepted, even if the form is closed in between. */
export class StreamForm {
  readonly #options: StreamFormOptions;
  readonly #form: HTMLFormElement;
  /** By the name of the changed stream; empty for a new one. */
  readonly #drafts = new Map<string, FormValues>();
  #target = '';
  #before: FormValues = empty;
  #sent: { readonly text: string; readonly key: string } | undefined;

  constructor(options: StreamFormOptions) {
    this.#options = options;
    const { dialog } = options;
    this.#form = find<HTMLFormElement>(dialog, 'form');
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#form.addEventListener('input', ({ target }) => {
      if (target instanceof HTMLElement) clearFault(target.closest('[data-field]'));
      this.#showKind();
    });
    dialog.addEventListener('close', () => this.#keep());
    window.addEventListener('beforeunload', (event) => {
      if (dialog.open) this.#keep();
      if (this.#drafts.size > 0) event.preventDefault();
    });
  }

  create(): void {
    this.#open('', { ...empty, kind: 'url' });
  }

  async edit(name: string): Promise<void> {
    const outcome = await call<DetailSettings>('GET', `streams/${encodeURIComponent(name)}/settings`);
    if ('problem' in outcome) this.#options.onProblem(outcome.problem);
    // A form opened in the meantime may contain input.
    else if (!this.#options.dialog.open) this.#open(name, valuesOf(name, outcome.value.settings));
  }

  #open(target: string, before: FormValues): void {
    this.#target = target;
    this.#before = before;
    const { dialog } = this.#options;
    const isNew = target === '';
    this.#write(this.#drafts.get(target) ?? before);
    find<HTMLInputElement>(dialog, '[name="name"]').readOnly = !isNew;
    setText(dialog, '[data-title]', isNew ? 'Add a stream' : `Change ${target}`);
    setText(dialog, '[data-submit]', isNew ? 'Add' : 'Save');
    this.#clearFaults();
    dialog.showModal();
  }

  get #values(): FormValues {
    return Object.fromEntries([...new FormData(this.#form)].map(([name, value]) => [name, String(value)]));
  }

  #write(values: FormValues): void {
    for (const [name, value] of Object.entries(values)) {
      const field = this.#form.elements.namedItem(name);
      if (field !== null && 'value' in field) field.value = value;
    }
    find<HTMLDetailsElement>(this.#form, '[data-more]').open = (values['more'] ?? '') !== '';
    this.#showKind();
  }

  #showKind(): void {
    find(this.#form, '[data-field="source"]').hidden = this.#values['kind'] !== 'url';
  }

  #keep(): void {
    const values = this.#values;
    const isTouched = Object.entries(values).some(([name, value]) => value !== (this.#before[name] ?? ''));
    if (isTouched) this.#drafts.set(this.#target, values);
    else this.#drafts.delete(this.#target);
  }

  async #submit(): Promise<void> {
    const submit = find<HTMLButtonElement>(this.#form, '[data-submit]');
    if (submit.disabled) return;
    this.#clearFaults();
    let body: unknown;
    try {
      body = this.#target === '' ? createBody(this.#values) : patchBody(this.#values, this.#before);
    } catch (error) {
      const message = `Invalid JSON: ${error instanceof Error ? error.message : ''}`;
      this.#showFaults([{ field: 'more', message }]);
      return;
    }
    const target = this.#target;
    submit.disabled = true;
    const problem = await this.#send(body, target);
    submit.disabled = false;
    if (problem === undefined) return;
    // Closed before the response arrived, and possibly opened for another stream.
    if (!this.#options.dialog.open || this.#target !== target) {
      this.#options.onProblem(problem);
      return;
    }
    const names = [...this.#form.querySelectorAll<HTMLElement>('[data-field]')]
      .filter(({ hidden }) => !hidden)
      .map((field) => field.dataset['field'] ?? '');
    this.#showFaults(faultsOf(problem, names, (this.#values['more'] ?? '').trim() !== ''));
  }

  /** Returns the problem of a rejected request. */
  async #send(body: unknown, target: string): Promise<CallProblem | undefined> {
    const { onCreated, onChanged } = this.#options;
    if (target !== '') {
      const outcome = await call('PATCH', `streams/${encodeURIComponent(target)}`, body);
      if ('problem' in outcome) return outcome.problem;
      this.#taken(target);
      onChanged(target);
      return undefined;
    }
    // The same body gets the same idempotency key: if the response is lost, a retry still returns the generated stream key.
    const text = JSON.stringify(body);
    if (this.#sent?.text !== text) this.#sent = { text, key: randomKey() };
    const outcome = await call<Created>('POST', 'streams', body, this.#sent.key);
    if ('problem' in outcome) {
      if (outcome.problem.status !== 0) this.#sent = undefined;
      return outcome.problem;
    }
    this.#sent = undefined;
    this.#taken(target);
    onCreated(outcome.value);
    return undefined;
  }

  #taken(target: string): void {
    this.#drafts.delete(target);
    if (this.#target !== target) return;
    this.#before = this.#values;
    this.#options.dialog.close();
  }

  #showFaults(faults: readonly FieldFault[]): void {
    const general: string[] = [];
    for (const { field, message } of faults) {
      const element = field && this.#form.querySelector<HTMLElement>(`[data-field="${field}"]`);
      const words = element ? element.querySelector<HTMLElement>('[data-error]') : null;
      if (!element || !words) {
        general.push(message);
        continue;
      }
      const before = words.hidden ? '' : `${words.textContent}; `;
      words.textContent = `${before}${message}`;
      words.hidden = false;
      element.querySelector('input, select, textarea')?.setAttribute('aria-invalid', 'true');
      const details = element.closest('details');
      if (details !== null) details.open = true;
    }
    showFormError(this.#form, general.join('; '));
    this.#form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }

  #clearFaults(): void {
    for (const field of this.#form.querySelectorAll('[data-field]')) clearFault(field);
    showFormError(this.#form, '');
  }
}

/** Shows an error that belongs to no field, at the top of its form. */
export function showFormError(form: HTMLElement, message: string): void {
  const words = find(form, '[data-form-error]');
  words.textContent = message;
  words.hidden = message === '';
  if (message !== '') words.focus();
}

function clearFault(field: Element | null): void {
  const words = field?.querySelector<HTMLElement>('[data-error]');
  if (!field || !words) return;
  words.hidden = true;
  words.textContent = '';
  field.querySelector('[aria-invalid]')?.removeAttribute('aria-invalid');
}

/** Not `randomUUID`: it needs a secure origin, and nodes on home networks use plain HTTP. */
function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
