import { type AuditProblem, auditObject } from './audit.js';
import { findOrphans, orphansAtOnce } from './orphans.js';
import type { Publication } from './publication.js';
import type { Settings } from './settings.js';
import type { StoreTarget } from './target.js';

const deleteAtOnce = 250;
const recheckMs = 1000;

/** The periodic work on one stream: looking for orphans, and for segments that are listed and not there. */
export class Caretaker {
  readonly #publication: Publication;
  readonly #settings: Settings;
  #nextOrphansAt: number | undefined;
  #searches = 0;
  #nextAuditAt: number | undefined;
  /** What the last audit told of; empty when all was well. */
  #audited = '';
  /** The store in use. */
  #target: StoreTarget | undefined;
  /** Jobs under way, by store: one that is stuck on a store that is down holds up none on the other. */
  readonly #busy = new Set<string>();

  constructor(publication: Publication, settings: Settings) {
    this.#publication = publication;
    this.#settings = settings;
  }

  /** Called about once a second. */
  tick(target: StoreTarget): void {
    this.#target = target;
    const publication = this.#publication;
    const { audit, orphanIntervalMs, clock } = this.#settings;
    if (!publication.writing || target.uploader.watch.health.state !== 'up') return;
    const now = clock.now();
    if (publication.cleanup === 'delete' && now >= (this.#nextOrphansAt ?? now)) {
      // The second search comes when what the last session had listed is listed no more and past its grace.
      const soonMs = publication.graceMs + 5000;
      this.#nextOrphansAt = now + (this.#searches < 2 ? Math.min(soonMs, orphanIntervalMs) : orphanIntervalMs);
      this.#searches += 1;
      this.#run('orphans', target, (signal) => this.#removeOrphans(target, signal));
    }
    this.#nextAuditAt ??= now + (audit?.intervalMs ?? 0);
    if (audit && now >= this.#nextAuditAt) {
      this.#nextAuditAt = now + audit.intervalMs;
      this.#run('audit', target, (signal) => this.#audit(target, signal));
    }
  }

  #run(name: string, target: StoreTarget, work: (signal: AbortSignal) => Promise<void>): void {
    const job = `${name} ${target.place}`;
    if (this.#busy.has(job)) return;
    this.#busy.add(job);
    target.uploader.submit({
      kind: 'rest',
      stream: this.#publication.name,
      order: 0,
      bytes: 0,
      timeoutMs: 120_000,
      // It may have waited until long after another store came into use, of which this one knows nothing.
      run: async (_store, signal) => (this.#target === target ? work(signal) : undefined),
      settled: () => this.#busy.delete(job),
    });
  }

  async #removeOrphans({ store, retention }: StoreTarget, signal: AbortSignal): Promise<void> {
    const publication = this.#publication;
    const { clock, log, observe } = this.#settings;
    const stream = publication.name;
    const found = await findOrphans({
      store,
      stream,
      ownKeys: () => [...publication.lanes].flatMap((lane) => lane.keys()),
      graceMs: publication.graceMs,
      now: clock.now(),
      signal,
    });
    const keys = found.filter((key) => !retention.has(key));
    for (let at = 0; at < keys.length && publication.writing && this.#target?.store === store; at += deleteAtOnce) {
      const batch = keys.slice(at, at + deleteAtOnce);
      await store.delete(batch, { signal });
      observe({ type: 'deleted', stream, objects: batch.length });
    }
    if (keys.length === 0) return;
    if (found.length === orphansAtOnce) this.#nextOrphansAt = clock.now();
    const details = { objects: keys.length };
    const message = `Removed ${keys.length} segments of sessions that have ended.`;
    log({ level: 'info', event: 'orphans-removed', stream, message, details });
  }

  async #audit(target: StoreTarget, signal: AbortSignal): Promise<void> {
    const { audit, clock, log, observe } = this.#settings;
    const stream = this.#publication.name;
    const problems: AuditProblem[] = [];
    let objects = 0;
    const run = { store: target.store, publicUrl: audit?.publicUrl, fetch: audit?.fetch ?? fetch, signal };
    const listed = [...this.#publication.lanes].flatMap((lane) => lane.published().map((item) => ({ lane, item })));
    for (const { lane, item } of listed) {
      let problem = await auditObject(item, run);
      // A gap is for ever: one missing answer is not enough for it.
      if (problem) {
        await new Promise<void>((resolve) => clock.after(recheckMs, resolve));
        problem = await auditObject(item, run);
      }
      // It can have left the playlist, and the store, since the list was made.
      if (signal.aborted || this.#target !== target || !lane.published().includes(item)) continue;
      objects += 1;
      if (problem === undefined) continue;
      problems.push(problem);
      if (problem.where === 'store') lane.lose(item);
    }
    observe({ type: 'audited', stream, objects, problems: problems.length });
    const before = this.#audited;
    this.#audited = [...new Set(problems.map(({ where, problem }) => `${where} ${problem}`))].sort().join();
    // Once an episode, not once an audit.
    if (this.#audited === before) return;
    const [first] = problems;
    if (first === undefined) {
      log({ level: 'info', event: 'audit-passed', stream, message: 'Every listed segment can be read again.' });
      return;
    }
    log({
      level: 'error',
      event: 'audit-failed',
      stream,
      message: `${problems.length} of ${objects} listed segments cannot be read: ${first.key} ${first.problem}.`,
      details: { problems: problems.slice(0, 10) },
    });
  }
}
