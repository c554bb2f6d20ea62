import { SidepipeError } from '../../errors.js';
import { valveCommand } from '../../ffmpeg/output/valve.js';
import type { DecodedPicture } from '../../frames/frame.js';
import { NutDemuxer } from '../../frames/nut-demuxer.js';

/** Larger than any camera's frame: 8192 × 5461. */
const MAX_BYTES = 128 * 1024 ** 2;
/** ffmpeg rebuilds its filters when the source changes, and forgets the command. */
const REPEAT_MS = 1000;

export interface SnapshotIntakeOptions {
  /** Writes to ffmpeg's standard input. */
  readonly write: (text: string) => void;
  /** Whether a request is waiting for a frame. */
  readonly isWanted: () => boolean;
  readonly onPicture: (picture: DecodedPicture) => void;
  readonly onFailed: (error: SidepipeError) => void;
}

/** The snapshot output of one ffmpeg run: opened while a frame is needed, then closed. */
export class SnapshotIntake {
  readonly #options: SnapshotIntakeOptions;
  readonly #demuxer: NutDemuxer;
  #repeating: NodeJS.Timeout | undefined;
  #isBroken = false;

  constructor(options: SnapshotIntakeOptions) {
    this.#options = options;
    this.#demuxer = NutDemuxer.video({
      acquire: ({ bytes }) => {
        if (!options.isWanted()) return undefined;
        if (bytes > MAX_BYTES) return this.#failed(`a frame of ${bytes} bytes exceeds the limit`);
        return new Uint8Array(bytes);
      },
      onPacket: ({ ptsSeconds }, data, announced) => {
        if (data === undefined || !options.isWanted()) return;
        const size = sizeOf(data.byteLength, announced);
        if (size === undefined) this.#failed('the aspect ratio changed since the source was opened');
        else options.onPicture({ data, ...size, ptsSeconds });
        this.#shut();
      },
    });
  }

  /** Requests the next frame, repeatedly until it arrives or is no longer needed. */
  request(): void {
    if (this.#isBroken) this.#failed('the output of ffmpeg cannot be parsed');
    if (this.#repeating !== undefined) return;
    this.#options.write(valveCommand(true));
    this.#repeating = setInterval(() => {
      if (this.#options.isWanted()) this.#options.write(valveCommand(true));
      else this.#shut();
    }, REPEAT_MS).unref();
  }

  /** Takes bytes of the output. Never throws. */
  push(piece: Uint8Array): void {
    if (this.#isBroken) return;
    try {
      this.#demuxer.push(piece);
    } catch {
      this.#isBroken = true;
      this.#failed('the output of ffmpeg cannot be parsed');
    }
  }

  close(): void {
    clearInterval(this.#repeating);
    this.#repeating = undefined;
  }

  #shut(): void {
    if (this.#repeating === undefined) return;
    this.close();
    this.#options.write(valveCommand(false));
  }

  #failed(why: string): undefined {
    this.close();
    this.#options.onFailed(
      new SidepipeError(`The snapshot failed: ${why}.`, {
        code: 'frame-invalid',
        fault: 'source',
        retryable: true,
      }),
    );
  }
}

/**
 * The size of an rgb24 frame. The header was written once, so a later change of size shows only in the number of bytes: with the same
 * aspect ratio the size can be calculated, with another one it cannot. Pure.
 */
export function sizeOf(
  bytes: number,
  announced: { readonly width: number; readonly height: number },
): { readonly width: number; readonly height: number } | undefined {
  const { width, height } = announced;
  if (bytes === width * height * 3) return { width, height };
  const other = Math.round(Math.sqrt(((bytes / 3) * width) / height));
  const size = { width: other, height: Math.round(bytes / 3 / other) };
  const isSameShape = Math.abs(size.width / size.height - width / height) < 0.01;
  return isSameShape && size.width * size.height * 3 === bytes ? size : undefined;
}
