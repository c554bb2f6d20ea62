import { type LoadLevel, type LoadSignal, loadLevels } from '../terms.js';
/** What is done about each level. The playlists and segments of streams that run are never touched. */
export const loadEffects: Readonly<Record<LoadLevel, LoadEffects>> = {
  normal: { slowing: 1, extras: true, takesStreams: true, startsShare: 1 },
  slowed: { slowing: 2, extras: false, takesStreams: true, startsShare: 0.5 },
  refusing: { slowing: 4, extras: false, takesStreams: false, startsShare: 0 },
};

export interface LoadEffects {
  /** Thumbnails are made with so many intervals between them, as far as they stay fresh. */
  readonly slowing: number;
  /** Whether frames for previews and storyboards are made. */
  readonly extras: boolean;
  /** Whether the API makes further streams. */
  readonly takesStreams: boolean;
  /** Of `limits.startsAtOnce`, how much holds; one stream can always begin. */
  readonly startsShare: number;
}

/** What the load is made of. Undefined: not known here. */
export interface LoadMeasures {
  /** Share of the processors' time in use, 0 to 1. */
  readonly cpu: number | undefined;
  readonly loadPerCore: number | undefined;
  readonly loopDelayMs: number | undefined;
  /** Share of the memory that is still to be had, 0 to 1. */
  readonly memoryAvailable: number | undefined;
  /** Share of the frames that found the picture encoder busy, 0 to 1. */
  readonly encoderDropped: number | undefined;
}

/** From where on a measure is too much. */
export type LoadLimits = { readonly [Name in keyof LoadMeasures]: number };

export interface LoadLimitsOf {
  readonly slow: LoadLimits;
  readonly refuse: LoadLimits;
  readonly raiseAfterSeconds: number;
  readonly calmAfterSeconds: number;
}

/** What a decision leaves for the next one. Times in milliseconds, on a clock that never goes back. */
export interface LoadMemory {
  readonly level: LoadLevel;
  /** Of the newest change. */
  readonly since: number;
  /** What was too much for this level at the newest measures, the eased limits taken. */
  readonly signals: readonly LoadSignal[];
  /** Since when the next higher level is called for without a break. */
  readonly risingSince: number | undefined;
  /** Since when this level is not called for any more, by far, without a break. */
  readonly calmSince: number | undefined;
}

/** How far below a limit a measure must be for a step back, as a part of the limit; for memory its inverse. */
const ease: LoadLimits = {
  cpu: 0.85,
  loadPerCore: 0.8,
  loopDelayMs: 0.5,
  memoryAvailable: 0.75,
  encoderDropped: 0.4,
};

/**
 * The level after new measures. One step at a time: up once a higher level was called for during `raiseAfterSeconds`, down once
 * this one was not during `calmAfterSeconds`, and never sooner after the change before. Pure.
 */
export function decideLoad(
  before: LoadMemory | undefined,
  measures: LoadMeasures,
  now: number,
  limits: LoadLimitsOf,
): LoadMemory {
  const { level, since, risingSince, calmSince } = before ?? startAt(now);
  const called = callOf(level, measures, limits);
  const rising = called.rises ? (risingSince ?? now) : undefined;
  const calm = called.isCalm ? (calmSince ?? now) : undefined;
  const lasted = (from: number | undefined, seconds: number) =>
    from !== undefined && now - Math.max(from, since) >= seconds * 1000;
  const to = lasted(rising, limits.raiseAfterSeconds)
    ? called.higher
    : lasted(calm, limits.calmAfterSeconds)
      ? called.lower
      : undefined;
  if (to === undefined) return { level, since, signals: called.signals, risingSince: rising, calmSince: calm };
  const next = callOf(to, measures, limits);
  const from = (is: boolean) => (is ? now : undefined);
  return { level: to, since: now, signals: next.signals, risingSince: from(next.rises), calmSince: from(next.isCalm) };
}

/** What measures call for at a level. */
function callOf(level: LoadLevel, measures: LoadMeasures, limits: LoadLimitsOf) {
  const [higher, lower] = [nextOf(level, 1), nextOf(level, -1)];
  const signals = strainOf(measures, lower === undefined ? limits.slow : eased(limitsOf(level, limits)));
  return {
    ...{ higher, lower, signals },
    rises: higher !== undefined && strainOf(measures, limitsOf(higher, limits)).length > 0,
    isCalm: lower !== undefined && signals.length === 0,
  };
}

/** What of these measures is beyond the limits. A busy processor alone harms nobody: only where programs queue for it. Pure. */
export function strainOf(measures: LoadMeasures, limits: LoadLimits): LoadSignal[] {
  const { cpu, loadPerCore, loopDelayMs, memoryAvailable, encoderDropped } = measures;
  const isOver = (value: number | undefined, limit: number) => value !== undefined && value >= limit;
  const queues = loadPerCore === undefined || loadPerCore >= limits.loadPerCore;
  const table: readonly (readonly [LoadSignal, boolean])[] = [
    ['cpu', isOver(cpu, limits.cpu) && queues],
    ['event-loop', isOver(loopDelayMs, limits.loopDelayMs)],
    ['memory', memoryAvailable !== undefined && memoryAvailable <= limits.memoryAvailable],
    ['encoder', isOver(encoderDropped, limits.encoderDropped)],
  ];
  return table.filter(([, isStrained]) => isStrained).map(([signal]) => signal);
}

/** The signals in words, each with its number. Pure. */
export function loadWords(signals: readonly LoadSignal[], measures: LoadMeasures): string {
  const percent = (value: number | undefined) => `${Math.round((value ?? 0) * 100)} %`;
  const queue = measures.loadPerCore === undefined ? '' : `, ${measures.loadPerCore.toFixed(1)} processes per core`;
  const words: Readonly<Record<LoadSignal, string>> = {
    cpu: `CPU is busy (${percent(measures.cpu)}${queue})`,
    'event-loop': `timers of the node are ${Math.round(measures.loopDelayMs ?? 0)} ms late`,
    memory: `${percent(measures.memoryAvailable)} of memory is available`,
    encoder: `${percent(measures.encoderDropped)} of frames find the image encoder busy`,
  };
  return signals.map((signal) => words[signal]).join('; ');
}

function startAt(now: number): LoadMemory {
  return { level: 'normal', since: now, signals: [], risingSince: undefined, calmSince: undefined };
}

function nextOf(level: LoadLevel, step: 1 | -1): LoadLevel | undefined {
  return loadLevels[loadLevels.indexOf(level) + step];
}

function limitsOf(level: LoadLevel, { slow, refuse }: LoadLimitsOf): LoadLimits {
  return level === 'refusing' ? refuse : slow;
}

function eased(limits: LoadLimits): LoadLimits {
  return {
    cpu: limits.cpu * ease.cpu,
    loadPerCore: limits.loadPerCore * ease.loadPerCore,
    loopDelayMs: limits.loopDelayMs * ease.loopDelayMs,
    memoryAvailable: limits.memoryAvailable / ease.memoryAvailable,
    encoderDropped: limits.encoderDropped * ease.encoderDropped,
  };
}
