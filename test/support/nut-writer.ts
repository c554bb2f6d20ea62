/** Writes NUT streams by the book (nut.txt, version 3), with all the freedom that the book gives and ffmpeg does not use. */

export const FLAG = {
  codedPts: 8,
  streamId: 16,
  sizeMsb: 32,
  checksum: 64,
  reserved: 128,
  sideData: 256,
  headerIdx: 1024,
  matchTime: 2048,
  coded: 4096,
  invalid: 8192,
} as const;

/** A run of frame codes with the same flags and growing sizes. */
interface CodeRun {
  readonly flags: number;
  readonly ptsDelta: number;
  readonly sizeMul: number;
  readonly sizeLsb: number;
  readonly reserved: number;
  /** How many codes; `sizeMul - sizeLsb` when left out. */
  readonly count: number | undefined;
  readonly headerIndex: number;
}

export interface NutLayout {
  readonly width: number;
  readonly height: number;
  readonly timeBases: readonly { readonly numerator: number; readonly denominator: number }[];
  /** Which of the time bases the stream uses. */
  readonly timeBaseIndex: number;
  readonly msbPtsShift: number;
  readonly elisions: readonly Uint8Array[];
  /** Follow the two codes that are always there: 0 is invalid, 1 codes everything in the frame's header. */
  readonly runs: readonly CodeRun[];
}

export interface NutFrame {
  readonly pts: number;
  readonly data: Uint8Array;
  /** Which of the codes that can say it says it, as a share of 1. */
  readonly choice: number;
  /** What code 1 writes though it need not. */
  readonly extras: {
    readonly fullPts: boolean;
    readonly checksum: boolean;
    readonly streamId: boolean;
    readonly matchTime: boolean;
    readonly reserved: number;
  };
}

interface Code extends Omit<CodeRun, 'count'> {}

const START_CODES = {
  main: '4e4d7a561f5f04ad',
  stream: '4e5311405bf2f9db',
  syncpoint: '4e4be4adeeca4569',
  index: '4e58dd672f23e64e',
  info: '4e49ab68b596ba78',
} as const;

/** `v`: base 128, most significant group first. */
export function unsigned(value: number | bigint): number[] {
  const bytes = [Number(BigInt(value) & 127n)];
  for (let rest = BigInt(value) >> 7n; rest > 0n; rest >>= 7n) bytes.unshift(Number(rest & 127n) | 128);
  return bytes;
}

/** `s`: 0, 1, -1, 2, -2, … */
function signed(value: number): number[] {
  return unsigned(value > 0 ? 2 * value - 1 : -2 * value);
}

function lengthPrefixed(bytes: Uint8Array | readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

/** A packet with a start code around its content. */
export function packet(kind: keyof typeof START_CODES, content: readonly number[]): Uint8Array {
  const length = content.length + 4;
  const headerChecksum = length > 4096 ? [9, 9, 9, 9] : [];
  return new Uint8Array([
    ...Buffer.from(START_CODES[kind], 'hex'),
    ...unsigned(length),
    ...headerChecksum,
    ...content,
    ...[1, 2, 3, 4],
  ]);
}

export const fileId = new Uint8Array(Buffer.from('nut/multimedia container\0'));

export class NutWriter {
  readonly #layout: NutLayout;
  readonly #codes: readonly (Code | undefined)[];
  #lastPts = 0;

  constructor(layout: NutLayout) {
    this.#layout = layout;
    this.#codes = expand(allRuns(layout));
  }

  mainHeader(): Uint8Array {
    const { timeBases, elisions } = this.#layout;
    return packet('main', [
      ...[...unsigned(3), ...unsigned(1), ...unsigned(32_768), ...unsigned(timeBases.length)],
      ...timeBases.flatMap(({ numerator, denominator }) => [...unsigned(numerator), ...unsigned(denominator)]),
      ...allRuns(this.#layout).flatMap(writeRun),
      ...unsigned(elisions.length),
      ...elisions.flatMap((elision) => lengthPrefixed(elision)),
      ...unsigned(0),
    ]);
  }

  streamHeader(extradata: readonly number[] | Uint8Array = [1, 2, 3]): Uint8Array {
    const { timeBaseIndex, msbPtsShift, width, height } = this.#layout;
    return packet('stream', [
      ...[...unsigned(0), ...unsigned(0), ...lengthPrefixed([...Buffer.from('RGB\x18')])],
      ...[...unsigned(timeBaseIndex), ...unsigned(msbPtsShift), ...unsigned(1000), ...unsigned(0), ...unsigned(0)],
      ...lengthPrefixed(extradata),
      ...[...unsigned(width), ...unsigned(height), ...unsigned(1), ...unsigned(1), ...unsigned(0)],
    ]);
  }

  info(bytes: number): Uint8Array {
    return packet('info', new Array<number>(bytes).fill(0x4e));
  }

  index(): Uint8Array {
    return packet('index', [1, 2, 3]);
  }

  /** Sets the timestamp, which is given in the time base of that index, that the next frames refer to. */
  syncpoint(pts: number, timeBaseIndex: number): Uint8Array {
    const { timeBases } = this.#layout;
    const from = timeBases[timeBaseIndex]!;
    const to = timeBases[this.#layout.timeBaseIndex]!;
    const exact =
      (BigInt(pts) * BigInt(from.numerator) * BigInt(to.denominator)) /
      (BigInt(from.denominator) * BigInt(to.numerator));
    this.#lastPts = Number(exact);
    const coded = BigInt(pts) * BigInt(timeBases.length) + BigInt(timeBaseIndex);
    return packet('syncpoint', [...unsigned(coded), ...unsigned(0)]);
  }

  frame(frame: NutFrame): Uint8Array {
    const able = this.#codes.flatMap((code, index) =>
      code !== undefined && index !== 1 && this.#canSay(code, frame) ? [index] : [],
    );
    const bytes =
      able.length === 0 || frame.choice >= 0.8
        ? this.#sayAll(frame)
        : this.#say(able[Math.floor((frame.choice / 0.8) * able.length)]!, frame);
    this.#lastPts = frame.pts;
    return bytes;
  }

  /** Marks the end of relevance at a time: a frame without data. */
  endOfRelevance(pts: number): Uint8Array {
    const coded = FLAG.coded | FLAG.codedPts | FLAG.sizeMsb | 2;
    this.#lastPts = pts;
    return new Uint8Array([1, ...unsigned(coded), ...unsigned(this.#fullPts(pts)), ...unsigned(0)]);
  }

  #canSay(code: Code, { pts, data }: NutFrame): boolean {
    const { flags, sizeMul, sizeLsb, ptsDelta } = code;
    const sizeFits = flags & FLAG.sizeMsb ? (data.length - sizeLsb) % sizeMul === 0 : data.length === sizeLsb;
    const ptsFits = (flags & FLAG.codedPts) !== 0 || this.#lastPts + ptsDelta === pts;
    return data.length >= sizeLsb && sizeFits && ptsFits && this.#elides(code, data) !== undefined;
  }

  /** The elision that a code leaves out of these data; undefined when they do not begin with it. */
  #elides({ headerIndex }: Code, data: Uint8Array): Uint8Array | undefined {
    if (headerIndex === 0 || data.length > 4096) return new Uint8Array(0);
    const elision = this.#layout.elisions[headerIndex - 1];
    return elision?.every((byte, index) => byte === data[index]) ? elision : undefined;
  }

  #say(index: number, { pts, data }: NutFrame): Uint8Array {
    const code = this.#codes[index]!;
    const { flags, sizeMul, sizeLsb, reserved } = code;
    const elision = this.#elides(code, data)!;
    return join([
      [index],
      flags & FLAG.streamId ? unsigned(0) : [],
      flags & FLAG.codedPts ? unsigned(this.#shortPts(pts)) : [],
      flags & FLAG.sizeMsb ? unsigned((data.length - sizeLsb) / sizeMul) : [],
      flags & FLAG.matchTime ? signed(-5) : [],
      flags & FLAG.headerIdx ? unsigned(code.headerIndex) : [],
      flags & FLAG.reserved ? unsigned(0) : new Array<number>(reserved).fill(3),
      flags & FLAG.checksum ? [5, 6, 7, 8] : [],
      data.subarray(elision.length),
    ]);
  }

  /** By code 1: every field is in the header. */
  #sayAll({ pts, data, extras }: NutFrame): Uint8Array {
    const longest = this.#layout.elisions.findIndex((elision) => elision.every((byte, index) => byte === data[index]));
    const headerIndex = data.length > 4096 ? 0 : longest + 1;
    const flags =
      FLAG.codedPts |
      FLAG.sizeMsb |
      FLAG.headerIdx |
      (extras.checksum ? FLAG.checksum : 0) |
      (extras.streamId ? FLAG.streamId : 0) |
      (extras.matchTime ? FLAG.matchTime : 0) |
      (extras.reserved > 0 ? FLAG.reserved : 0);
    return join([
      [1],
      unsigned(flags),
      extras.streamId ? unsigned(0) : [],
      unsigned(extras.fullPts ? this.#fullPts(pts) : this.#shortPts(pts)),
      unsigned(data.length),
      extras.matchTime ? signed(7) : [],
      unsigned(headerIndex),
      extras.reserved > 0 ? [...unsigned(extras.reserved), ...new Array<number>(extras.reserved).fill(1)] : [],
      extras.checksum ? [0, 0, 0, 0] : [],
      data.subarray(headerIndex === 0 ? 0 : this.#layout.elisions[headerIndex - 1]!.length),
    ]);
  }

  #fullPts(pts: number): bigint {
    return BigInt(pts) + (1n << BigInt(this.#layout.msbPtsShift));
  }

  /** The low bits alone where they say enough, as ffmpeg's muxer decides it. */
  #shortPts(pts: number): bigint {
    const range = 1n << BigInt(this.#layout.msbPtsShift);
    const low = BigInt(pts) & (range - 1n);
    const from = BigInt(this.#lastPts) - (range - 1n) / 2n;
    return ((low - from) & (range - 1n)) + from === BigInt(pts) ? low : this.#fullPts(pts);
  }
}

function allRuns({ runs }: NutLayout): CodeRun[] {
  const plain = { ptsDelta: 0, sizeMul: 1, sizeLsb: 0, reserved: 0, count: 1, headerIndex: 0 };
  const last = { ...plain, flags: FLAG.invalid, count: 256 };
  return [{ ...plain, flags: FLAG.invalid }, { ...plain, flags: FLAG.coded }, ...runs, last];
}

function writeRun({ flags, ptsDelta, sizeMul, sizeLsb, reserved, count, headerIndex }: CodeRun): number[] {
  const fields = [signed(ptsDelta), ...[sizeMul, 0, sizeLsb, reserved].map(unsigned)];
  const written = count ?? sizeMul - sizeLsb;
  return [
    ...unsigned(flags),
    ...unsigned(9),
    ...[...fields, unsigned(written), signed(0), unsigned(headerIndex), [42]].flat(),
  ];
}

/** The table of 256 codes; undefined where a code is invalid. */
function expand(runs: readonly CodeRun[]): (Code | undefined)[] {
  const codes: (Code | undefined)[] = [];
  for (const { count, ...code } of runs) {
    const size = count ?? code.sizeMul - code.sizeLsb;
    for (let index = 0; index < size && codes.length < 256; ) {
      // 'N' begins start codes and takes no place in a run.
      if (codes.length === 0x4e) {
        codes.push(undefined);
      } else {
        codes.push(code.flags & FLAG.invalid ? undefined : { ...code, sizeLsb: code.sizeLsb + index });
        index += 1;
      }
    }
  }
  return codes;
}

function join(parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
}
