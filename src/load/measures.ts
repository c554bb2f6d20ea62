import type { LoadMeasures } from './level.js';

/** What is read of the machine at one moment. Undefined: not to be known here. */
export interface MachineReading {
  /** Both only ever grow: processor time that was used, and that there was. Milliseconds. */
  readonly cpu: { readonly usedMs: number; readonly givenMs: number } | undefined;
  readonly loadPerCore: number | undefined;
  /** By how much one in a hundred timers was late since the last reading. */
  readonly loopDelayMs: number | undefined;
  readonly memory: { readonly availableBytes: number; readonly totalBytes: number } | undefined;
}

/** What became of the frames that were to be made pictures of, so far. */
interface EncoderCounts {
  readonly made: number;
  /** A newer one took its place while the encoder was busy. */
  readonly dropped: number;
}

export interface LoadSample {
  readonly reading: MachineReading;
  readonly encoder: EncoderCounts;
}

/** Fewer frames than this say nothing about the encoder. */
const FEWEST_FRAMES = 4;

/** What has been going on between two samples. The first one alone says little. Pure. */
export function measuresBetween(before: LoadSample | undefined, after: LoadSample): LoadMeasures {
  const { reading, encoder } = after;
  const { memory, loadPerCore, loopDelayMs } = reading;
  return {
    ...{ loadPerCore, loopDelayMs },
    cpu: cpuBetween(before?.reading.cpu, reading.cpu),
    memoryAvailable: memory && memory.totalBytes > 0 ? clamp(memory.availableBytes / memory.totalBytes) : undefined,
    encoderDropped: before && droppedBetween(before.encoder, encoder),
  };
}

function cpuBetween(before: MachineReading['cpu'], after: MachineReading['cpu']): number | undefined {
  if (before === undefined || after === undefined) return undefined;
  const given = after.givenMs - before.givenMs;
  // Counters begin anew when a machine was frozen and thawed elsewhere, or a processor was taken away.
  const used = after.usedMs - before.usedMs;
  return given > 0 && used >= 0 ? clamp(used / given) : undefined;
}

function droppedBetween(before: EncoderCounts, after: EncoderCounts): number | undefined {
  const dropped = after.dropped - before.dropped;
  const all = dropped + after.made - before.made;
  return all >= FEWEST_FRAMES ? dropped / all : undefined;
}

function clamp(share: number): number {
  return Math.max(0, Math.min(1, share));
}
