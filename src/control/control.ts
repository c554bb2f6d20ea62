import { randomBytes } from 'node:crypto';
import type { Finding } from '../config/parse.js';
import { formatPath } from '../config/problems.js';
import { withoutSecrets } from '../config/redact.js';
import type { Config, StreamConfig } from '../config/schema/schema.js';
import { checkPatch, checkStream } from '../config/stream-check.js';
import { isRecord } from '../config/tree.js';
import { SidepipeError } from '../errors.js';
import { checkSource, type SourcePolicy } from '../ingest/policy.js';
import { readSource } from '../ingest/source.js';
import type { LoadGuard } from '../load/guard.js';
import type { Logger } from '../telemetry/logger.js';
import type { DesiredStream } from './desired-streams.js';
import type { Fleet } from './fleet.js';
import type { RtmpIngest } from './rtmp-ingest.js';
import { type ChangeOptions, fingerprintOf, type SavedStream, SavedStreams, type StateStore } from './saved-streams.js';
import type { CreatedStream, StreamControl, StreamSettings } from './stream-control.js';

export interface ControlOptions {
  readonly config: Config;
  readonly fleet: Fleet;
  readonly door: RtmpIngest;
  /** Undefined: API streams are lost when the node stops. */
  readonly state: StateStore | undefined;
  /** Loads what the streams need before they start. Throws `config-invalid`. */
  readonly prepare: (configs: readonly StreamConfig[]) => Promise<void>;
  /** The load guard. Default: accepts everything. */
  readonly load?: Pick<LoadGuard, 'trouble' | 'refused'>;
  readonly log: Logger;
}

/** The desired streams of a node, from its configuration and its operators: the only place that decides which streams exist. */
export class Control implements StreamControl {
  readonly #options: ControlOptions;
  #config: Config;
  readonly #saved: SavedStreams;
  /** Another node's streams were read but could not be started yet. */
  #isBehind = false;
  /** One change at a time: each is validated against the result of the previous one. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#config = options.config;
    const { state, log } = options;
    this.#saved = new SavedStreams({
      state,
      log,
      onRetry: () => this.#startAgain(),
      onFollow: () => void this.#follow(),
    });
  }

  get publishPorts(): StreamControl['publishPorts'] {
    const { rtmp, rtmps } = this.#options.door.addresses;
    return { ...(rtmp && { rtmp: rtmp.port }), ...(rtmps && { rtmps: rtmps.port }) };
  }

  /** Starts the configured and the saved streams. Throws if a configured one cannot start. */
  async start(): Promise<void> {
    await this.#inTurn(async () => {
      if (await this.#saved.load()) this.#tellUnusable();
      await this.#admit();
      return this.#apply();
    });
  }

  async close(): Promise<void> {
    this.#saved.close();
    await this.#last.catch(() => {});
  }

  /** Applies the streams of another configuration. If it is invalid, nothing changes. Throws `config-invalid`, `port-unavailable`. */
  async reload(config: Config): Promise<void> {
    await this.#inTurn(async () => {
      const before = this.#config;
      this.#config = { ...before, streams: config.streams };
      try {
        await this.#admit();
      } catch (error) {
        this.#config = before;
        throw error;
      }
      return this.#apply();
    });
    this.#options.fleet.retry();
  }

  async create(input: unknown): Promise<CreatedStream> {
    const made: { key: string | undefined; created: boolean; name: string } = {
      key: undefined,
      created: true,
      name: '',
    };
    const needsKey = isRecord(input) && input['source'] === 'push' && input['keys'] === undefined;
    const key = needsKey ? newKey() : undefined;
    const whole = key === undefined ? input : { ...(input as object), keys: [key] };
    const madeFrom = fingerprintOf(input);
    await this.#edit((saved) => {
      const { name } = this.#check(whole);
      const old = saved.get(name);
      const isSame = old !== undefined && old.madeFrom === madeFrom && !this.#isConfigured(name);
      Object.assign(made, { name, key: isSame ? undefined : key, created: !isSame });
      if (isSame) return undefined;
      if (old !== undefined || this.#isConfigured(name)) throw streamExists(name, old === undefined);
      this.#admitOne();
      return new Map(saved).set(name, { input: whole as SavedStream['input'], madeFrom });
    });
    return made;
  }

  async update(name: string, patch: unknown): Promise<void> {
    const findings = [...checkPatch(patch), ...maskedSecrets(patch)];
    if (findings.length > 0) throw invalid(findings);
    await this.#change(name, ({ input }) => mergePatch(input, patch));
  }

  async remove(name: string): Promise<void> {
    await this.#edit((saved) => {
      this.#ownStream(name);
      return new Map([...saved].filter(([each]) => each !== name));
    });
  }

  /** Whether the stream is lost when the node stops: it is an API stream, and streams are not saved. */
  isForgotten(name: string): boolean {
    return this.#options.state === undefined && this.#saved.get(name) !== undefined && !this.#isConfigured(name);
  }

  restart(name: string): Promise<boolean> {
    return this.#options.fleet.restart(name);
  }

  async rotateKey(name: string, { keepPublisher }: { readonly keepPublisher: boolean }): Promise<string> {
    const key = newKey();
    const wanted = this.#options.fleet.wanted.get(name);
    if (wanted !== undefined && wanted.config.source !== 'push') {
      const message = `Stream ${name} has no stream keys, because its source is not push.`;
      throw new SidepipeError(message, { code: 'stream-not-push', fault: 'caller' });
    }
    await this.#change(name, ({ input }) => ({ ...input, keys: [key] }));
    if (!keepPublisher) this.#options.door.desk.dismiss(name);
    return key;
  }

  settings(name: string): StreamSettings | undefined {
    const wanted = this.#options.fleet.wanted.get(name);
    if (wanted === undefined) return undefined;
    const { keys, ...settings } = wanted.config;
    return { origin: wanted.origin, settings: withoutSecrets(settings), keys: keys?.length ?? null };
  }

  async #change(name: string, edit: (saved: SavedStream) => unknown): Promise<void> {
    await this.#edit((saved) => {
      const input = edit(this.#ownStream(name));
      this.#check(input, name);
      return new Map(saved).set(name, { input: input as SavedStream['input'], madeFrom: undefined });
    });
  }

  /** Changes the saved streams, then the running ones. `edit` is called again if another node's change came first. */
  async #edit(edit: ChangeOptions['edit']): Promise<void> {
    await this.#inTurn(async () => {
      this.#saved.mustBeLoaded();
      const onFollowed = async () => void (await this.#adopt());
      await this.#saved.change({ edit, admit: () => this.#admit(), onFollowed });
      return this.#apply();
    });
  }

  /** Applies the streams that another node saved. */
  async #adopt(): Promise<{ readonly done: Promise<void> }> {
    this.#tellUnusable();
    await this.#admit();
    return this.#apply();
  }

  async #follow(): Promise<void> {
    const followed = this.#inTurn(async () => {
      if (!(await this.#saved.follow()) && !this.#isBehind) return { done: undefined };
      // If a stream cannot start now, the next run retries.
      this.#isBehind = true;
      const adopted = await this.#adopt();
      this.#isBehind = false;
      return adopted;
    });
    await followed.then(
      () => this.#saved.followed(),
      (error: unknown) => this.#saved.followed(error),
    );
  }

  /** Validates a stream. Throws `request-invalid` with all findings. `name`: the stream that it replaces. */
  #check(input: unknown, name?: string): StreamConfig {
    const { config, findings } = checkApiStream(input, this.#config);
    const clash = config?.keys?.find((key) =>
      [...this.#options.fleet.wanted.values()].some(
        (other) => other.config.name !== (name ?? config.name) && other.config.keys?.includes(key),
      ),
    );
    const all = clash === undefined ? findings : [...findings, { path: ['keys'], message: sharedKey, named: false }];
    if (config === undefined || all.length > 0) throw invalid(all);
    return config;
  }

  /**
   * Throws if another stream is not allowed. `limit-reached`: the configured limit. `node-overloaded`: the current load. The only place
   * where a stream is rejected to protect the others; configured streams are never rejected.
   */
  #admitOne(): void {
    const { fleet, load } = this.#options;
    const streams = fleet.wanted.size;
    const mostStreams = this.#config.limits.streams;
    if (streams >= mostStreams) {
      const message = `The node has ${streams} streams, and limits.streams is ${mostStreams}.`;
      throw new SidepipeError(message, { code: 'limit-reached', fault: 'caller' });
    }
    const trouble = load?.trouble;
    if (trouble === undefined) return;
    load?.refused();
    const message = `The node is overloaded and accepts no further streams${trouble === '' ? '' : `: ${trouble}`}.`;
    throw new SidepipeError(message, { code: 'node-overloaded', fault: 'node', retryable: true });
  }

  #isConfigured(name: string): boolean {
    return this.#config.streams.some((stream) => stream.name === name);
  }

  #ownStream(name: string): SavedStream {
    if (this.#isConfigured(name)) {
      const message = `Stream ${name} is defined in the configuration file and cannot be changed through the API.`;
      throw new SidepipeError(message, { code: 'stream-configured', fault: 'caller' });
    }
    const saved = this.#saved.get(name);
    if (saved !== undefined) return saved;
    throw new SidepipeError(`Stream ${name} does not exist.`, { code: 'not-found', fault: 'caller' });
  }

  /** Configured streams come first and take precedence over saved ones with the same name, which stay in the state. */
  #wanted(): DesiredStream[] {
    const configured = this.#config.streams.map((config): DesiredStream => ({ config, origin: 'config' }));
    const keys = new Set(configured.flatMap(({ config }) => config.keys ?? []));
    const saved = this.#saved.list().flatMap(({ input }): DesiredStream[] => {
      if (this.#isConfigured(input.name)) return [];
      const { config, findings } = checkApiStream(input, this.#config);
      if (config === undefined || findings.length > 0) return [];
      if (config.keys?.some((key) => keys.has(key))) return [];
      for (const key of config.keys ?? []) keys.add(key);
      return [{ config, origin: 'api' }];
    });
    return [...configured, ...saved];
  }

  /** Throws if the desired streams cannot start. */
  async #admit(): Promise<void> {
    const wanted = this.#wanted();
    await this.#options.prepare(wanted.map(({ config }) => config));
    await this.#options.door.openFor(wanted);
  }

  /** The change has started when this returns; `done` settles when it is complete. */
  #apply(): { readonly done: Promise<void> } {
    return { done: this.#options.fleet.apply(this.#wanted()) };
  }

  #startAgain(): void {
    this.start().catch((err: unknown) => this.#options.log.error({ err }, 'cannot start saved streams'));
  }

  #tellUnusable(): void {
    const wanted = new Set(this.#wanted().map(({ config }) => config.name));
    for (const { input } of this.#saved.list()) {
      const { name } = input;
      const { findings } = checkApiStream(input, this.#config);
      const words = findings.map(({ path, message }) => `${formatPath(path)}: ${message}`);
      if (words.length === 0 && !wanted.has(name)) words.push(`keys: ${sharedKey}`);
      if (this.#isConfigured(name)) {
        this.#options.log.warn(
          { stream: name },
          'saved stream not started: the configuration has a stream with this name',
        );
      } else if (words.length > 0) {
        this.#options.log.error(
          { stream: name, problems: words },
          'saved stream is invalid; not started, kept unchanged',
        );
      }
    }
  }

  /** Starts changes one after the other; the next may start while an earlier one completes. */
  async #inTurn<Result extends { readonly done: Promise<void> | undefined }>(
    task: () => Promise<Result>,
  ): Promise<Omit<Result, 'done'>> {
    // Wrapped in an object: a bare promise would be awaited here.
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => {});
    const { done, ...result } = await turn;
    await done;
    return result;
  }
}

const sharedKey = 'another stream uses this key; keys must be unique';

/** Detects masked secrets: a client that reads settings, changes one and sends all back would save the mask as the password. */
function maskedSecrets(patch: unknown): Finding[] {
  const { source } = (patch ?? {}) as { source?: unknown };
  if (typeof source !== 'string' || !source.includes('***')) return [];
  return [{ path: ['source'], message: 'contains a masked secret (***); omit source to keep it', named: false }];
}

function newKey(): string {
  return randomBytes(18).toString('base64url');
}

function invalid(findings: readonly Finding[]): SidepipeError {
  const message = findings.map(({ path, message }) => `${formatPath(path)}: ${message}`).join('; ');
  return new SidepipeError(message, { code: 'request-invalid', fault: 'caller', details: { findings } });
}

function streamExists(name: string, isConfigured: boolean): SidepipeError {
  const message = isConfigured
    ? `Stream ${name} is defined in the configuration file.`
    : `Stream ${name} already exists with other settings.`;
  return new SidepipeError(message, { code: 'stream-exists', fault: 'caller' });
}

/** Validates an API stream: its configuration, undefined if invalid, and all findings. */
function checkApiStream(input: unknown, node: Config): { config?: StreamConfig; findings: Finding[] } {
  const { config, findings } = checkStream(input, node);
  return config === undefined ? { findings } : { config, findings: apiRefusals(config, node.api.sources) };
}

/** Findings that apply to API streams only: they must not access the machine that the node runs on. */
function apiRefusals(config: StreamConfig, policy: SourcePolicy): Finding[] {
  const findings: Finding[] = [];
  const refuse = (path: string[], message: string) => findings.push({ path, message, named: false });
  const source = readSource(config.source, (path) => path, config.input.format);
  const refused = checkSource(source, policy, config);
  if (refused !== undefined) refuse(['source'], refused.message.replace(/^source: /, ''));
  if (config.thumbnail.offline !== 'image') {
    refuse(['thumbnail', 'offline'], 'files are allowed in the configuration only; use image');
  }
  return findings;
}

/** Applies a JSON merge patch (RFC 7396) to a value. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged = new Map(isRecord(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}
