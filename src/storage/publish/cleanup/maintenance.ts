import type { SidepipeError } from '../../../errors.js';
import type { StoreTarget } from '../context.js';
import type { Publication } from '../publication.js';
import type { Attempt } from '../queue/uploader.js';
import type { PublisherSettings } from '../settings.js';
import { type AuditedObject, type AuditProblem, auditObject } from './audit.js';
import { findOrphans, orphansAtOnce } from './orphans.js';

const deleteAtOnce = 250;
const recheckMs = 1000;

/** Objects restored within this time are one report. */
const restoredQuietMs = 300_000;

const outcomes = {
  orphans: {
    fails: ['Segments of sessions that have ended cannot be found and deleted.', 'orphan-search-failed'],
    works: ['Segments of sessions that have ended are deleted again.', 'orphan-search-works'],
  },
  audit: {
    fails: ['Objects that players need cannot be checked on the store.', 'audit-unavailable'],
    works: ['Objects that players need are checked on the store again.', 'audit-available'],
  },
} as const;

/** The periodic work on one stream: it looks for orphans, and for missing objects that players need. */
export class Maintenance {
  readonly #publication: Publication;
  readonly #settings: PublisherSettings;
  #nextOrphansAt: number | undefined;
  #searches = 0;
  #takeovers = 0;
  #nextAuditAt: number | undefined;
  /** What the last audit reported; empty if it found no problem. */
  #audited = '';
  #restoredAt: number | undefined;
  /** Objects restored since the current audit started, which may have checked them before. */
  readonly #restoredMeanwhile = new Set<string>();
  /** Jobs whose last run failed. */
  readonly #failing = new Set<string>();
  readonly #target: StoreTarget;
  /** Running jobs. */
  readonly #busy = new Set<string>();

  constructor(publication: Publication, target: StoreTarget, settings: PublisherSettings) {
    this.#publication = publication;
    this.#target = target;
    this.#settings = settings;
  }

  /** Called about once a second. */
  tick(): void {
    const publication = this.#publication;
    const { audit, orphanIntervalMs, clock } = this.#settings;
    if (!publication.writing || this.#target.uploader.watch.health.state !== 'up') return;
    const now = clock.now();
    if (publication.takeovers !== this.#takeovers) {
      this.#takeovers = publication.takeovers;
      this.#searches = 0;
      this.#nextOrphansAt = undefined;
    }
    if (publication.cleanup === 'delete' && now >= (this.#nextOrphansAt ?? now)) {
      // Two more searches follow soon: after the grace period of the objects that the last writer had not listed, and of those that it had.
      const soonMs = publication.graceMs + 5000;
      this.#nextOrphansAt = now + (this.#searches < 3 ? Math.min(soonMs, orphanIntervalMs) : orphanIntervalMs);
      this.#searches += 1;
      this.#run('orphans', (attempt) => this.#removeOrphans(attempt));
    }
    this.#nextAuditAt ??= now + (audit?.intervalMs ?? 0);
    if (audit && now >= this.#nextAuditAt) {
      this.#nextAuditAt = now + audit.intervalMs;
      this.#run('audit', (attempt) => this.#audit(attempt));
    }
  }

  #run(name: 'orphans' | 'audit', work: (attempt: Attempt) => Promise<void>): void {
    if (this.#busy.has(name)) return;
    this.#busy.add(name);
    this.#target.uploader.submit({
      kind: 'rest',
      stream: this.#publication.name,
      order: 0,
      bytes: 0,
      timeoutMs: 120_000,
      // It may have waited for long, and another store is in use now.
      run: async (_store, attempt) => (this.#publication.isActive ? work(attempt) : undefined),
      settled: (error) => {
        this.#busy.delete(name);
        this.#settled(name, error);
      },
    });
  }

  /** A failing job is reported once, and once when it succeeds again. */
  #settled(name: 'orphans' | 'audit', error: SidepipeError | undefined): void {
    const { store } = this.#target;
    if (error === undefined ? !this.#failing.delete(name) : this.#failing.has(name)) return;
    if (error !== undefined) this.#failing.add(name);
    const [message, event] = outcomes[name][error === undefined ? 'works' : 'fails'];
    this.#settings.log({
      level: error === undefined ? 'info' : 'error',
      event,
      stream: this.#publication.name,
      message,
      details: { store: store.description, ...(error && { remedy: error.details['remedy'] }) },
      ...(error && { error }),
    });
  }

  async #removeOrphans(attempt: Attempt): Promise<void> {
    const { store, retention } = this.#target;
    const publication = this.#publication;
    const { clock, log, observe } = this.#settings;
    const stream = publication.name;
    const found = await findOrphans({
      store,
      stream,
      ownKeys: () => [...publication.lanes].flatMap((lane) => lane.keys()),
      graceMs: publication.graceMs,
      now: clock.now(),
      call: attempt,
    });
    const keys = found.filter((key) => !retention.has(key));
    for (let at = 0; at < keys.length && publication.writing; at += deleteAtOnce) {
      const batch = keys.slice(at, at + deleteAtOnce);
      await store.delete(batch, attempt);
      observe({ type: 'deleted', stream, objects: batch.length });
    }
    if (keys.length === 0) return;
    if (found.length === orphansAtOnce) this.#nextOrphansAt = clock.now();
    const details = { objects: keys.length };
    const message = `Removed ${keys.length} segments of sessions that have ended.`;
    log({ level: 'info', event: 'orphans-removed', stream, message, details });
  }

  async #audit(attempt: Attempt): Promise<void> {
    const { clock, observe } = this.#settings;
    const stream = this.#publication.name;
    const found: { readonly object: AuditedObject; readonly problem: AuditProblem }[] = [];
    let objects = 0;
    this.#restoredMeanwhile.clear();
    const { store, publicUrl, fetch } = this.#target;
    const run = { store, publicUrl, fetch, attempt };
    for (const object of this.#publication.expected()) {
      let problem = await auditObject(object, run);
      // A gap is permanent, so one response that the object is missing is not enough.
      if (problem) {
        await new Promise<void>((resolve) => clock.after(recheckMs, resolve));
        problem = await auditObject(object, run);
      }
      // It can have left the playlist, and the store, since the list was made.
      if (attempt.signal.aborted || !this.#publication.isActive || !object.isExpected()) continue;
      objects += 1;
      if (problem !== undefined) found.push({ object, problem });
    }
    const remaining = found.filter(({ object }) => !this.#restoredMeanwhile.has(object.key));
    const problems = remaining.map(({ object, problem }) => {
      const isMissing = problem.where === 'store' && object.isExpected();
      return { ...problem, restoring: isMissing && object.restore(() => this.#restored(object.key)) };
    });
    observe({ type: 'audited', stream, objects, problems: problems.length });
    this.#report(problems, objects);
  }

  #report(problems: readonly (AuditProblem & { readonly restoring: boolean })[], objects: number): void {
    const { log } = this.#settings;
    const stream = this.#publication.name;
    const before = this.#audited;
    this.#audited = [...new Set(problems.map(({ where, problem }) => `${where} ${problem}`))].sort().join();
    // Once per episode, not per audit.
    if (this.#audited === before) return;
    const [first] = problems;
    if (first === undefined) {
      log({ level: 'info', event: 'audit-passed', stream, message: 'All listed objects can be read again.' });
      return;
    }
    const restoring = problems.filter((problem) => problem.restoring).length;
    log({
      level: 'error',
      event: 'audit-failed',
      stream,
      message: `${problems.length} of ${objects} objects that players need cannot be read: ${first.key} ${first.problem}.`,
      details: {
        problems: problems.slice(0, 10),
        restoring,
        lost: problems.filter(({ where }) => where === 'store').length - restoring,
        remedy: 'check what else deletes or changes objects of the bucket: lifecycle rules, scripts, another node',
      },
    });
  }

  /** An object that was missing is on the store again. */
  #restored(key: string): void {
    const { clock, log, observe } = this.#settings;
    const stream = this.#publication.name;
    this.#restoredMeanwhile.add(key);
    observe({ type: 'restored', stream, objects: 1 });
    const isNew = this.#restoredAt === undefined || clock.now() - this.#restoredAt > restoredQuietMs;
    this.#restoredAt = clock.now();
    if (!isNew) return;
    log({
      level: 'info',
      event: 'audit-restored',
      stream,
      message: 'Objects that were missing on the store were uploaded again.',
      details: { key },
    });
  }
}
