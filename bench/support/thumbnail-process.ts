import { runMeasured } from './ffmpeg-cost.js';

export interface ThumbnailProcessOptions {
  /** Of ffmpeg. */
  readonly path: string;
  /** A file or an address. */
  readonly segment: string;
  readonly width: number;
  readonly height: number;
  /** More options of the input. */
  readonly input?: readonly string[];
}

/** One JPEG of a segment by a process of its own, as Owncast starts it, but of this size. Throws when there is none. */
export async function thumbnailByProcess(options: ThumbnailProcessOptions): Promise<Buffer> {
  const { path, segment, width, height, input = [] } = options;
  const pieces: Buffer[] = [];
  await runMeasured(
    [path],
    [
      ...['-hide_banner', '-nostdin', '-nostats', '-threads', '1', '-t', '1', ...input, '-i', segment],
      ...['-vf', `scale=${width}:${height}`, '-f', 'image2pipe', '-c:v', 'mjpeg', '-vframes', '1', 'pipe:1'],
    ],
    { onPiece: (piece) => void pieces.push(piece) },
  );
  if (pieces.length === 0) throw new Error('no thumbnail');
  return Buffer.concat(pieces);
}
