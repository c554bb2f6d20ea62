import type { ReadySegment } from './assembler.js';

/** One rendition's segment, to be listed now. */
interface StepSegment {
  readonly rendition: string;
  readonly segment: ReadySegment;
  /** Of all renditions' segments of this number the first in the order of the renditions. */
  readonly leads: boolean;
}

/** The segments of one number, one of each rendition; or a single one, where the renditions are out of step. */
export interface Step {
  readonly segments: readonly StepSegment[];
  /** Segments are missing before: in all renditions, if in one. */
  readonly discontinuity: boolean;
}

export interface InStepOptions {
  /** In order. */
  readonly renditions: readonly string[];
  /** By so much the durations of segments of one number may differ. */
  readonly toleranceSeconds: number;
  /** So many segments of one rendition wait for the others at most. */
  readonly maxWaiting?: number;
}

const DEFAULT_MAX_WAITING = 16;

/**
 * Keeps the renditions of one run in step: segments of the same number are handed on together, once each rendition has its
 * own, and one that is missing in a rendition is left out of all. So media sequence and discontinuity numbers stay the
 * same in all playlists. Where the cuts turn out to be different, each rendition goes on by itself. Pure.
 */
export class InStep {
  readonly #options: InStepOptions;
  readonly #waiting: Map<string, ReadySegment[]>;
  #inStep = true;
  #hole = false;
  #leftOut = 0;

  constructor(options: InStepOptions) {
    this.#options = options;
    this.#waiting = new Map(options.renditions.map((rendition) => [rendition, []]));
  }

  /** False once the renditions were cut at different places. */
  get inStep(): boolean {
    return this.#inStep;
  }

  /** Segments that were left out because another rendition had none of their number. */
  get leftOut(): number {
    return this.#leftOut;
  }

  add(rendition: string, segment: ReadySegment): readonly Step[] {
    if (!this.#inStep) return [this.#alone(rendition, segment)];
    const queue = this.#waiting.get(rendition);
    queue?.push(segment);
    const steps: Step[] = [];
    while (this.#inStep) {
      const step = this.#next();
      if (step === undefined) break;
      steps.push(step);
    }
    if (!this.#inStep) return [...steps, ...this.#release()];
    if (queue !== undefined && queue.length > (this.#options.maxWaiting ?? DEFAULT_MAX_WAITING)) this.#leaveOut(queue);
    return steps;
  }

  #next(): Step | undefined {
    const queues = [...this.#waiting.values()];
    if (queues.some((queue) => queue.length === 0)) return undefined;
    const newest = Math.max(...queues.map((queue) => queue[0]!.sequence));
    for (const queue of queues) while (queue.length > 0 && queue[0]!.sequence < newest) this.#leaveOut(queue);
    if (queues.some((queue) => queue[0]?.sequence !== newest)) return this.#next();
    const segments = this.#options.renditions.map((rendition, index) => {
      return { rendition, segment: this.#waiting.get(rendition)!.shift()!, leads: index === 0 };
    });
    const durations = segments.map(({ segment }) => segment.durationSeconds);
    if (Math.max(...durations) - Math.min(...durations) > this.#options.toleranceSeconds) this.#inStep = false;
    const discontinuity = this.#hole || segments.some(({ segment }) => segment.discontinuity);
    this.#hole = false;
    return { segments, discontinuity };
  }

  #leaveOut(queue: ReadySegment[]): void {
    queue.shift();
    this.#leftOut += 1;
    this.#hole = true;
  }

  /** What waits when the renditions go out of step. */
  #release(): Step[] {
    return [...this.#waiting].flatMap(([rendition, queue]) =>
      queue.splice(0).map((segment) => this.#alone(rendition, segment)),
    );
  }

  #alone(rendition: string, segment: ReadySegment): Step {
    const leads = rendition === this.#options.renditions[0];
    return { segments: [{ rendition, segment, leads }], discontinuity: segment.discontinuity };
  }
}
