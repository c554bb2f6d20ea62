import { SidepipeError } from '../../errors.js';
import { valveCommand } from '../../ffmpeg/output/valve.js';
import type { DecodedPicture } from '../../frames/frame.js';
import { NutDemuxer } from '../../frames/nut-demuxer.js';

/** More than any camera gives: 8192 × 5461. */
const MAX_BYTES = 128 * 1024 ** 2;
/** ffmpeg builds its filters anew when the source changes, and forgets what it was told. */
const REPEAT_MS = 1000;

export interface SnapshotIntakeOptions {
  /** Writes to ffmpeg's standard input. */
  readonly write: (text: string) => void;
  /** Whether somebody waits for a picture. */
  readonly isWanted: () => boolean;
  readonly onPicture: (picture: DecodedPicture) => void;
  readonly onFailed: (error: SidepipeError) => void;
}

/** The snapshot output of one ffmpeg run: opened while a picture is wanted, shut behind it. */
export class SnapshotIntake {
  readonly #options: SnapshotIntakeOptions;
  readonly #demuxer: NutDemuxer;
  #repeating: NodeJS.Timeout | undefined;
  #isBroken = false;

  constructor(options: SnapshotIntakeOptions) {
    this.#options = options;
    this.#demuxer = new NutDemuxer({
      acquire: ({ bytes }) => {
        if (!options.isWanted()) return undefined;
        if (bytes > MAX_BYTES) return this.#failed(`a picture of ${bytes} bytes is more than a snapshot may have`);
        return new Uint8Array(bytes);
      },
      onPacket: ({ ptsSeconds }, data, announced) => {
        if (data === undefined || !options.isWanted()) return;
        const size = sizeOf(data.byteLength, announced);
        if (size === undefined) this.#failed('the source has changed its shape since it was opened');
        else options.onPicture({ data, ...size, ptsSeconds });
        this.#shut();
      },
    });
  }

  /** Asks for the next picture, again and again until it is there or nobody wants it any more. */
  request(): void {
    if (this.#isBroken) this.#failed('what ffmpeg gives cannot be read');
    if (this.#repeating !== undefined) return;
    this.#options.write(valveCommand(true));
    this.#repeating = setInterval(() => {
      if (this.#options.isWanted()) this.#options.write(valveCommand(true));
      else this.#shut();
    }, REPEAT_MS).unref();
  }

  /** Bytes of the output. Never throws. */
  push(piece: Uint8Array): void {
    if (this.#isBroken) return;
    try {
      this.#demuxer.push(piece);
    } catch {
      this.#isBroken = true;
      this.#failed('what ffmpeg gives cannot be read');
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
      new SidepipeError(`There can be no snapshot: ${why}.`, {
        code: 'frame-invalid',
        fault: 'source',
        retryable: true,
      }),
    );
  }
}

/**
 * The size of an rgb24 picture. The header was written once, so a source that has changed its size since is known by its bytes
 * alone: of the same shape it is another size, of another shape it cannot be told. Pure.
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
