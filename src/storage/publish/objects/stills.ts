import type { SidepipeError } from '../../../errors.js';
import { stillKey, stillPrefix } from '../../keys.js';
import { datedStill, numberedStill, parseStill } from '../../still-names.js';
import type { Evictable, RenditionUploadContext } from '../context.js';
import type { Ticket } from '../queue/uploader.js';
import type { Still, StillEntry, StillLane, StillsOptions } from '../types.js';

/** Maximum number of waiting stills; more would be old before they are stored. */
const mostWaiting = 8;
/** Maximum number of stills from one listing: the oldest beyond it are left to the next start. */
const mostListed = 200_000;
const listAgainMs = 30_000;

interface Waiting extends Evictable {
  readonly still: Still;
  running: Ticket | undefined;
}

/** The known stills on the store. */
interface Shelf {
  /** The oldest first. */
  entries: StillEntry[];
  state: 'unknown' | 'listing' | 'listed';
  listing: Ticket | undefined;
  listAgainAt: number;
}

function emptyShelf(): Shelf {
  return { entries: [], state: 'unknown', listing: undefined, listAgainAt: 0 };
}

/** A stream's numbered or dated stills on the store, up to a number and an age. */
export class Stills implements StillLane {
  readonly #context: RenditionUploadContext;
  readonly #options: StillsOptions;
  readonly #waiting = new Set<Waiting>();
  #shelf = emptyShelf();
  #number = 1;
  #order = 0;
  #closed = false;

  constructor(context: RenditionUploadContext, options: StillsOptions) {
    this.#context = context;
    this.#options = options;
  }

  get idle(): boolean {
    return this.#waiting.size === 0;
  }

  /** The oldest first. */
  list(): readonly StillEntry[] {
    return this.#shelf.entries;
  }

  add(still: Still): void {
    if (this.#closed || this.#context.access.standsBy()) return;
    const waiting: Waiting = {
      still,
      kind: 'image',
      stream: this.#context.options.name,
      bytes: still.body.byteLength,
      running: undefined,
      busy: () => waiting.running?.running ?? false,
      giveUp: () => this.#drop(waiting),
    };
    this.#waiting.add(waiting);
    this.#context.wanted();
    this.#context.backlog.hold(waiting);
    for (const older of this.#waiting) {
      if (this.#waiting.size <= mostWaiting) break;
      if (!older.busy()) this.#drop(older);
    }
    this.pump();
    this.#context.held();
  }

  /** Called about once per second, and whenever more work may have become possible. */
  pump(): void {
    if (this.#closed || !this.#context.access.mayUpload()) return;
    const shelf = this.#shelf;
    this.#list(shelf);
    this.#trim(shelf);
    // The next number is known after the listing.
    if (this.#options.naming === 'number' && shelf.state !== 'listed') return;
    for (const waiting of this.#waiting) if (waiting.running === undefined) this.#submit(waiting, shelf);
  }

  /** A still exceeds the maximum age. */
  get isDue(): boolean {
    const { keepSeconds } = this.#options;
    const oldest = this.#shelf.entries[0];
    return oldest !== undefined && oldest.capturedAt < this.#context.settings.clock.now() - keepSeconds * 1000;
  }

  /** Another node writes the stream. */
  yield(): void {
    for (const waiting of [...this.#waiting]) this.#drop(waiting);
    this.refresh();
  }

  /** Another node may have written the stream in the meantime: the store is listed again. */
  refresh(): void {
    // This node does not see what the other one stores and deletes.
    this.#forget(this.#shelf);
    this.#shelf = emptyShelf();
  }

  /** Another store is in use: returns the stills that this one has not stored. */
  suspend(): readonly Still[] {
    const unsent = [...this.#waiting].map(({ still }) => still);
    for (const waiting of [...this.#waiting]) this.#drop(waiting);
    return unsent;
  }

  close(): void {
    this.#closed = true;
    for (const waiting of [...this.#waiting]) this.#drop(waiting);
    this.#forget(this.#shelf);
  }

  #submit(waiting: Waiting, shelf: Shelf): void {
    const { still } = waiting;
    const { naming, format } = this.#options;
    const name = naming === 'date' ? datedStill(still.capturedAt, format) : numberedStill(this.#number++, format);
    const key = stillKey(waiting.stream, name);
    const { body, contentType, cacheControl, metadata } = still;
    const { target } = this.#context;
    waiting.running = target.uploader.submit({
      kind: 'image',
      stream: waiting.stream,
      order: this.#order++,
      bytes: waiting.bytes,
      run: async (store, attempt) => {
        await store.put({ key, body, contentType, cacheControl, metadata }, attempt);
      },
      settled: (error) => {
        waiting.running = undefined;
        if (error === undefined) {
          target.retention.spare([key]);
          this.#shelve(shelf, { name, capturedAt: still.capturedAt, bytes: waiting.bytes });
        }
        this.#drop(waiting);
        this.#context.counted(error);
      },
    });
  }

  #shelve(shelf: Shelf, entry: StillEntry): void {
    // Uploads run concurrently, so one can overtake another.
    let at = shelf.entries.length;
    while (at > 0 && shelf.entries[at - 1]!.capturedAt > entry.capturedAt) at -= 1;
    shelf.entries.splice(at, 0, entry);
    this.#trim(shelf);
  }

  /** Removes stills beyond the maximum number or age. */
  #trim(shelf: Shelf): void {
    if (!this.#context.access.mayUpload()) return;
    const { keepCount, keepSeconds } = this.#options;
    const oldest = this.#context.settings.clock.now() - keepSeconds * 1000;
    const excess = shelf.entries.length - keepCount;
    let gone = Math.max(0, excess);
    while (gone < shelf.entries.length && shelf.entries[gone]!.capturedAt < oldest) gone += 1;
    if (gone === 0) return;
    const stream = this.#context.options.name;
    const keys = shelf.entries.splice(0, gone).map(({ name }) => stillKey(stream, name));
    this.#context.target.retention.retire(stream, keys, 0);
  }

  /** Finds stills of an earlier run or another node: only keys with a name of our form. */
  #list(shelf: Shelf): void {
    const { clock } = this.#context.settings;
    if (shelf.state !== 'unknown' || clock.now() < shelf.listAgainAt) return;
    shelf.state = 'listing';
    const { name: stream } = this.#context.options;
    const prefix = stillPrefix(stream);
    let found: StillEntry[] = [];
    shelf.listing = this.#context.target.uploader.submit({
      kind: 'rest',
      stream: '',
      order: 0,
      bytes: 0,
      timeoutMs: 60_000,
      run: async (store, attempt) => {
        found = [];
        for await (const { key, bytes, modifiedAt } of store.list(prefix, attempt)) {
          const name = key.slice(prefix.length);
          const parsed = parseStill(name);
          if (parsed === undefined) continue;
          found.push({ name, capturedAt: parsed.capturedAt ?? modifiedAt, bytes });
          if (found.length >= mostListed) return;
        }
      },
      settled: (error) => this.#listed(shelf, found, error),
    });
  }

  #listed(shelf: Shelf, found: readonly StillEntry[], error: SidepipeError | undefined): void {
    shelf.listing = undefined;
    if (error !== undefined) {
      shelf.state = 'unknown';
      shelf.listAgainAt = this.#context.settings.clock.now() + listAgainMs;
      return;
    }
    shelf.state = 'listed';
    // Stills stored during the listing can be in both.
    const names = new Set(shelf.entries.map(({ name }) => name));
    const { target, options } = this.#context;
    const doomed = ({ name }: StillEntry) => target.retention.has(stillKey(options.name, name));
    const others = found.filter((entry) => !names.has(entry.name) && !doomed(entry));
    shelf.entries = [...others, ...shelf.entries].sort((a, b) => a.capturedAt - b.capturedAt);
    for (const { name } of found) this.#number = Math.max(this.#number, (parseStill(name)?.number ?? 0) + 1);
    this.pump();
  }

  #halt(waiting: Waiting): void {
    if (waiting.running) this.#context.target.uploader.cancel(waiting.running);
    waiting.running = undefined;
  }

  #forget(shelf: Shelf): void {
    if (shelf.listing) this.#context.target.uploader.cancel(shelf.listing);
  }

  #drop(waiting: Waiting): void {
    if (!this.#waiting.delete(waiting)) return;
    this.#halt(waiting);
    this.#context.backlog.release(waiting);
    this.#context.released();
  }
}
