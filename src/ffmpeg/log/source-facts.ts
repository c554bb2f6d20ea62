/** What ffmpeg says of its input before it opens an output. Pure. */

export interface VideoFacts {
  /** ffmpeg's name: `h264`, `hevc`. */
  readonly codec: string;
  /** `High 4:2:2`; undefined where ffmpeg does not know it. */
  readonly profile: string | undefined;
  /** `yuv420p`; undefined where nothing could be decoded of it. */
  readonly pixelFormat: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly isInterlaced: boolean;
  /** Degrees by which players have to turn it, 0 to 359. */
  readonly rotation: number;
}

export interface AudioFacts {
  readonly codec: string;
  readonly sampleRate: number | undefined;
  /** As ffmpeg names it: `mono`, `stereo`, `5.1`. */
  readonly channels: string | undefined;
}

/** What a source is made of. */
export interface SourceFacts {
  /** ffmpeg's names of the container, separated by commas: `mov,mp4,m4a`, `mpegts`. */
  readonly format: string | undefined;
  readonly video: VideoFacts | undefined;
  readonly audio: AudioFacts | undefined;
}

const HEADER = /^\s*(Input|Output) #(\d+),/;
const STREAM = /^\s*Stream #0:\d+[^:]*: (Video|Audio): (.*)$/;
const FORMAT = /^\s*Input #0, (.+?), from '/;
/** What comes right after the inputs have been told of. */
const END = /^\s*(?:Stream mapping:|Press \[q\])/;
const ROTATION = /^\s*(?:display ?matrix: rotation of (-?[\d.]+) degrees|rotate\s*: (-?\d+)\s*$)/i;

/** Reads the lines of a log from their beginning. */
export class SourceFactsReader {
  #section: 'before' | 'source' | 'after' = 'before';
  #format: string | undefined;
  #video: VideoFacts | undefined;
  #audio: AudioFacts | undefined;
  /** Which stream the lines below its own are about. */
  #about: 'video' | 'audio' | undefined;

  /** As far as they have been read. */
  get facts(): SourceFacts {
    return { format: this.#format, video: this.#video, audio: this.#audio };
  }

  /** Gives the facts once, with the line that ends them. */
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

  /** The log is over. Gives the facts unless a line did: newer versions end before that where an output does not suit the source. */
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
    // The matrix turns against the clock, the tag of older files with it.
    const degrees = matrix === undefined ? Number(tag) : -Number(matrix);
    if (Number.isFinite(degrees) && this.#about === 'video' && this.#video !== undefined) {
      this.#video = { ...this.#video, rotation: ((Math.round(degrees) % 360) + 360) % 360 };
    }
  }

  #takeVideo(facts: string): void {
    // A cover picture is not what plays.
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

/** What stands between commas that are in no bracket. */
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
