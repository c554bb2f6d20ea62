/** What ffmpeg says of its input before it opens an output. Pure. */

/** What a source is made of. */
export interface SourceFacts {
  /** ffmpeg's name of the first video's codec; undefined where there is none. */
  readonly video: string | undefined;
  /** The same for sound. */
  readonly audio: string | undefined;
}

const HEADER = /^\s*(Input|Output) #(\d+),/;
const STREAM = /^\s*Stream #0:\d+[^:]*: (Video|Audio): (\w+)(.*)$/;
/** What comes right after the inputs have been told of. */
const END = /^\s*(?:Stream mapping:|Press \[q\])/;

/** Reads the lines of a log from their beginning. */
export class SourceFactsReader {
  #section: 'before' | 'source' | 'after' = 'before';
  #facts: SourceFacts = { video: undefined, audio: undefined };

  /** Gives the facts once, with the line that ends them. */
  line(text: string): SourceFacts | undefined {
    if (this.#section === 'after') return undefined;
    const [, direction, index] = HEADER.exec(text) ?? [];
    if (direction === 'Input' && index === '0') {
      this.#section = 'source';
      return undefined;
    }
    if (this.#section !== 'source') return undefined;
    if (direction !== undefined || END.test(text)) {
      this.#section = 'after';
      return this.#facts;
    }
    this.#take(text);
    return undefined;
  }

  #take(text: string): void {
    const [, kind, codec, rest = ''] = STREAM.exec(text) ?? [];
    // A cover picture is not what plays.
    if (kind === 'Video' && !rest.includes('(attached pic)')) {
      this.#facts = { ...this.#facts, video: this.#facts.video ?? codec };
    } else if (kind === 'Audio') {
      this.#facts = { ...this.#facts, audio: this.#facts.audio ?? codec };
    }
  }
}
