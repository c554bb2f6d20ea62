import { type ReadySegment, SegmentAssembler } from '../hls/assembler.js';
import type { SegmentReceiver, SegmentSink } from '../hls/sink.js';
import type { Container } from '../hls/window.js';

export interface SegmentIntakeOptions {
  /** Needed where there are renditions. */
  readonly sink: SegmentSink | undefined;
  readonly renditions: readonly string[];
  readonly container: Container;
  readonly maxSegmentBytes: number;
  /** See `ReceiverOptions`. */
  readonly hidden: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onSegment: (rendition: string, segment: ReadySegment) => void;
}

/** Stands for the receivers' URLs in logs. */
export const OWN_URL = 'loopback:/';

interface Lane {
  readonly receiver: SegmentReceiver;
  readonly assembler: SegmentAssembler;
  /** When the last piece of a segment came. */
  at: number | undefined;
}

/** Where the segments of one run come in: a receiver of its own for each rendition. */
export class SegmentIntake {
  readonly #options: SegmentIntakeOptions;
  readonly #lanes = new Map<string, Lane>();

  constructor(options: SegmentIntakeOptions) {
    this.#options = options;
  }

  open(): void {
    for (const rendition of this.#options.renditions) this.#open(rendition);
  }

  /** Where each rendition's segments are PUT, with a trailing slash. */
  get urls(): ReadonlyMap<string, string> {
    return new Map([...this.#lanes].map(([rendition, { receiver }]) => [rendition, receiver.url]));
  }

  /** The address on which all of them listen. */
  get host(): string {
    const [url = ''] = this.urls.values();
    return /\/\/([^:/]+)/.exec(url)?.[1] ?? '';
  }

  /** When the last sign of a segment came, of the rendition that is furthest behind; undefined while one had none. */
  get lastAt(): number | undefined {
    const times = [...this.#lanes.values()].map(({ at }) => at);
    const known = times.filter((at) => at !== undefined);
    return known.length < times.length ? undefined : Math.min(...known);
  }

  /** Whoever knew a receiver's URL could feed the stream, so it is a secret. */
  redact(text: string): string {
    return [...this.urls.values()].reduce((redacted, url) => redacted.replaceAll(url, OWN_URL), text);
  }

  /** ffmpeg is gone: takes in what it sent before. */
  async drain(): Promise<void> {
    for (const [rendition, { receiver, assembler }] of this.#lanes) {
      await receiver.drain();
      this.#deliver(rendition, assembler.finish());
    }
  }

  close(): void {
    for (const { receiver } of this.#lanes.values()) receiver.close();
  }

  #open(rendition: string): void {
    const { sink, container, maxSegmentBytes, hidden, now } = this.#options;
    const assembler = new SegmentAssembler({ container });
    const receiver = sink!.open({
      maxObjectBytes: maxSegmentBytes,
      hidden,
      onObject: (file, body, completedAtMs) => this.#deliver(rendition, assembler.object(file, body, completedAtMs)),
      onProgress: () => {
        lane.at = now();
      },
    });
    const lane: Lane = { receiver, assembler, at: undefined };
    this.#lanes.set(rendition, lane);
  }

  #deliver(rendition: string, segments: readonly ReadySegment[]): void {
    for (const segment of segments) {
      this.#lanes.get(rendition)!.at = this.#options.now();
      this.#options.onSegment(rendition, segment);
    }
  }
}
