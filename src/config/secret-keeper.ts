import { collectSecrets, createRedactor } from './redact.js';

/** Secrets of removed streams are kept: they can still appear in a pending error or the log of a process that is ending. */
const REMEMBERED = 50;

/** All secrets of a node while streams are added and removed, and a function that masks them. */
export class SecretKeeper {
  readonly #lasting: readonly string[];
  readonly #current = new Map<string, readonly string[]>();
  readonly #former: (readonly string[])[] = [];
  #redact: (text: string) => string;

  /** `lasting`: secrets that stay for the life of the node. */
  constructor(lasting: unknown) {
    this.#lasting = collectSecrets(lasting);
    this.#redact = createRedactor(this.#lasting);
  }

  readonly redact = (text: string): string => this.#redact(text);

  /** Replaces the set of streams. */
  keep(streams: readonly { readonly name: string }[]): void {
    const names = new Set(streams.map(({ name }) => name));
    for (const name of [...this.#current.keys()]) if (!names.has(name)) this.#set(name, []);
    for (const stream of streams) this.#set(stream.name, collectSecrets(stream));
    this.#redact = createRedactor([...this.#lasting, ...this.#former.flat(), ...[...this.#current.values()].flat()]);
  }

  #set(name: string, secrets: readonly string[]): void {
    const before = this.#current.get(name) ?? [];
    const gone = before.filter((secret) => !secrets.includes(secret));
    if (gone.length > 0) this.#former.push(gone);
    if (this.#former.length > REMEMBERED) this.#former.shift();
    if (secrets.length > 0) this.#current.set(name, secrets);
    else this.#current.delete(name);
  }
}
