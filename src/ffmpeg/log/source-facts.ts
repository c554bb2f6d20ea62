/** Parses what ffmpeg logs about its input before it opens an output. Pure. */

export interface VideoFacts {
  /** ffmpeg's codec name: `h264`, `hevc`. */
  readonly codec: string;
  /** `High 4:2:2`; undefined if ffmpeg does not know it. */
  readonly profile: string | undefined;
  /** `yuv420p`; undefined if nothing was decoded. */
  readonly pixelFormat: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly isInterlaced: boolean;
  /** The rotation that players must apply, in degrees, 0 to 359. */
  readonly rotation: number;
}

export interface AudioFacts {
  readonly codec: string;
  readonly sampleRate: number | undefined;
  /** ffmpeg's name of the channel layout: `mono`, `stereo`, `5.1`. */
  readonly channels: string | undefined;
}

/** The format and the streams of a source. */
export interface SourceFacts {
  /** ffmpeg's names of the container, comma-separated: `mov,mp4,m4a`, `mpegts`. */
  readonly format: string | undefined;
  readonly video: VideoFacts | undefined;
  readonly audio: AudioFacts | undefined;
}

const HEADER = /^\s*(Input|Output) #(\d+),/;
const STREAM = /^\s*Stream #0:\d+[^:]*: (Video|Audio): (.*)$/;
const FORMAT = /^\s*Input #0, (.+?), from '/;
/** What ffmpeg logs right after the inputs. */
const END = /^\s*(?:Stream mapping:|Press \[q\])/;
const ROTATION = /^\s*(?:display ?matrix: rotation of (-?[\d.]+) degrees|rotate\s*: (-?\d+)\s*$)/i;

/** Reads a log from its first line. */
export class SourceFactsReader {
  #section: 'before' | 'source' | 'after' = 'before';
  #format: string | undefined;
  #video: VideoFacts | undefined;
  #audio: AudioFacts | undefined;
  /** The stream that the following lines describe. */
  #about: 'video' | 'audio' | undefined;

  /** The facts read so far. */
  get facts(): SourceFacts {
    return { format: this.#format, video: this.#video, audio: this.#audio };
  }

  /** Returns the facts once, with the line that follows them. */
  line(text: string): SourceFacts | undefined {
    if (this.#section === 'after') return undefined;
    const [, direction, index] = HEADER.exec(text) ?? [];
    if (direction === 'Input' && index === '0') {
      this.#section = 'source';
      this.#format = FORMAT.exec(text)?.[1];
      return undefined;
    }
    if (this.#section !== 'source') return undefined;
    if (direction !== undefined || END.test(text)) {
      this.#section = 'after';
      return this.facts;
    }
    this.#take(text);
    return undefined;
  }

  /** The log has ended. Returns the facts unless a line did: newer versions end earlier if an output does not suit the source. */
  end(): SourceFacts | undefined {
    const isOpen = this.#section === 'source';
    this.#section = 'after';
    return isOpen ? this.facts : undefined;
  }

  #take(text: string): void {
    const [, kind, facts] = STREAM.exec(text) ?? [];
    if (kind === 'Video' && facts !== undefined) this.#takeVideo(facts);
    else if (kind === 'Audio' && facts !== undefined) this.#takeAudio(facts);
    else if (/^\s*Stream #/.test(text)) this.#about = undefined;
    const [, matrix, tag] = ROTATION.exec(text) ?? [];
    // The matrix rotates counterclockwise, the tag of older files clockwise.
    const degrees = matrix === undefined ? Number(tag) : -Number(matrix);
    if (Number.isFinite(degrees) && this.#about === 'video' && this.#video !== undefined) {
      this.#video = { ...this.#video, rotation: ((Math.round(degrees) % 360) + 360) % 360 };
    }
  }

  #takeVideo(facts: string): void {
    // A cover image is not played.
    this.#about = facts.includes('(attached pic)') || this.#video !== undefined ? undefined : 'video';
    if (this.#about === undefined) return;
    const [head = '', ...parts] = outerParts(facts);
    const [, codec = '', profile] = /^(\w+)(?: \(([^()/]+)\))?/.exec(head) ?? [];
    const [, format] = /^(\w+)/.exec(parts[0] ?? '') ?? [];
    const [, width, height] = /(?:^|, )(\d+)x(\d+)\b/.exec(parts.join(', ')) ?? [];
    this.#video = {
      codec,
      profile,
      pixelFormat: format === 'none' || format === undefined || /^\d+x\d+$/.test(format) ? undefined : format,
      width: width === undefined ? undefined : Number(width),
      height: height === undefined ? undefined : Number(height),
      isInterlaced: /\b(?:top|bottom) (?:coded )?first\b/.test(parts[0] ?? ''),
      rotation: 0,
    };
  }

  #takeAudio(facts: string): void {
    this.#about = 'audio';
    if (this.#audio !== undefined) return;
    const [head = '', rate = '', channels] = outerParts(facts);
    const [, codec = ''] = /^(\w+)/.exec(head) ?? [];
    const [, hertz] = /^(\d+) Hz$/.exec(rate) ?? [];
    this.#audio = { codec, sampleRate: hertz === undefined ? undefined : Number(hertz), channels };
  }
}

/** Splits at commas outside brackets. */
function outerParts(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const character of text) {
    if (character === '(' || character === '[') depth += 1;
    if (character === ')' || character === ']') depth -= 1;
    if (character === ',' && depth <= 0) {
      parts.push(part.trim());
      part = '';
    } else part += character;
  }
  return [...parts, part.trim()];
}
