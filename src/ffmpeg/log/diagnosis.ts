import type { ErrorCode, Fault } from '../../errors.js';
import type { LogLine } from './log-line.js';

export interface Diagnosis {
  readonly code: ErrorCode;
  readonly fault: Fault;
  /** One sentence for people. */
  readonly message: string;
  /** The source rejected the credentials: to try them again and again locks the account of many a camera. */
  readonly denied?: true;
}

interface Rule extends Diagnosis {
  readonly pattern: RegExp;
  /** Words that ffmpeg uses for faults of an output too: what is said of an output goes before them. */
  readonly isVague?: boolean;
}

const rule = (pattern: RegExp, code: ErrorCode, message: string, isVague = false): Rule => ({
  pattern,
  code,
  fault: 'source',
  message,
  isVague,
});

const denial = (pattern: RegExp, message: string): Rule => ({
  ...rule(pattern, 'source-refused', message),
  denied: true,
});

/** What ffmpeg says, in the order in which one cause hides another, and what it means to the person who set the stream up. */
const rules: readonly Rule[] = [
  // What the node itself answers in the source's place to a stream of the API.
  rule(
    /Address not allowed/,
    'source-refused',
    'the source leads to an address that streams of the API may not go to (api.sources.networks)',
  ),
  rule(
    /Redirect not allowed/,
    'source-refused',
    'the source redirects elsewhere, which an RTSP stream of the API may not follow',
  ),
  rule(
    /Playlist not allowed/,
    'source-refused',
    'the HLS playlist contains a URL that is not HTTP, or is too large: a stream of the API may not open it',
  ),
  rule(
    /Content-Encoding not allowed/,
    'source-refused',
    'the source compresses its response although identity was requested: turn compression off for this stream',
  ),
  rule(
    /exceeds specified max pixel count/,
    'source-unsupported',
    'the pictures of the source are larger than this node decodes (ffmpeg.maxPixels)',
  ),
  rule(
    /not on whitelist|Unsafe file name/i,
    'source-refused',
    'the source leads to a protocol that this kind of source may not use',
  ),
  denial(
    /401 Unauthorized|401 \(?unauthorized|authorization failed/i,
    'the source wants other credentials (401 Unauthorized)',
  ),
  denial(/Incorrect passphrase|BADSECRET|ERROR:UNSECURE/, 'the passphrase is not the one of the other side (SRT)'),
  denial(/403 Forbidden|access denied/i, 'the source refuses access (403 Forbidden)'),
  rule(
    /404 Not Found|404 \(?stream not found|StreamNotFound/i,
    'source-unavailable',
    'the source says that there is no such stream (404 Not Found)',
  ),
  rule(
    /Server returned 4\d\d|Server returned 4XX/i,
    'source-refused',
    'the source refuses the request (an HTTP 4xx answer)',
  ),
  rule(/Is a directory/i, 'source-refused', 'the source is a directory, not a file'),
  rule(/No such file or directory/i, 'source-unavailable', 'the source file does not exist'),
  rule(/Permission denied/i, 'source-refused', 'the source file may not be read (permission denied)'),
  rule(/matches no streams/i, 'source-without-video', 'the source has no video'),
  // Versions that look at the decoder's options first.
  rule(/^Codec AVOption skip_frame\b.* is not a decoding option/, 'source-without-video', 'the source has no video'),
  rule(/Protocol not found|Unknown input format/i, 'source-unsupported', 'this ffmpeg cannot open this kind of source'),
  rule(
    /Failed to resolve hostname|Name or service not known|Temporary failure in name resolution/i,
    'source-unavailable',
    "the source's host name is not known",
  ),
  rule(
    /TLS packet|TLS handshake|SSL|certificate/i,
    'source-unavailable',
    'no secure connection to the source could be made (TLS)',
  ),
  rule(
    /Connection to srt:.* failed: Input\/output error/i,
    'source-unavailable',
    'nothing answers at the source (SRT)',
  ),
  rule(
    /Cannot open video device|Device or resource busy|not a video capture device|ioctl\(VIDIOC/i,
    'source-unavailable',
    'the video device cannot be used: it is busy, or gives nothing in this format and size',
  ),
  rule(/Connection refused/i, 'source-unavailable', 'nothing accepts connections at the source (connection refused)'),
  rule(
    /No route to host|Network is unreachable|Host is unreachable/i,
    'source-unavailable',
    'there is no route to the source',
  ),
  rule(
    /Connection timed out|Operation timed out|Connection reset|Broken pipe/i,
    'source-unavailable',
    'the connection to the source broke or timed out',
  ),
  rule(
    /not supported by the bitstream filter 'aac_adtstoasc'|Malformed AAC bitstream/i,
    'source-unsupported',
    "the source's audio cannot be carried in fMP4 as it is: set audio to auto or aac",
  ),
  // After what the way out says in its own 502: why the source could not be reached.
  rule(
    /Server returned 5\d\d|Server returned 5XX/i,
    'source-unavailable',
    'the source has a fault of its own (an HTTP 5xx answer)',
  ),
  rule(
    /codec not currently supported in container|Could not find tag for codec|incompatible with output codec/i,
    'source-unsupported',
    "the source's codec cannot be carried in HLS: encode it instead of copying",
  ),
  rule(
    /moov atom not found/,
    'source-not-media',
    'the source is not video that can be played: an MP4 without its index (moov atom), incomplete or still being written. Copy it again when it is whole',
    true,
  ),
  rule(
    /Invalid data found when processing input|Invalid argument/i,
    'source-not-media',
    'what the source gives is not video that ffmpeg knows',
    true,
  ),
  rule(/Input\/output error|End of file/i, 'source-unavailable', 'the source broke off', true),
];

/**
 * What ffmpeg says when it does not know an option, a filter, a codec or a format that the node asked for. This comes before all else, because such an
 * ffmpeg never gets as far as a fault of the source.
 */
const UNUSABLE =
  /^Unrecognized option|^Option '?\S+ (?:\([^)]*\) )?(?:not found|cannot be applied)|Error splitting the argument list|^Error applying option|^Missing argument for option|^Invalid time base|^Error parsing bitstream filter|^Unknown bitstream filter|^No such filter|^Unknown (?:en|de)coder '|^Requested output format|^Unable to choose an output format/;
/** What follows from a fault of filters, encoders and muxers, where nothing names a fault of the source. */
const OUTPUT_FAILED =
  /Error while opening encoder|Could not open encoder|^Error initializing the muxer|^Error opening output files?|^Error (?:re)?initializing filters?|Error setting profile/;

/** Resources of the machine, in the words of the C library. */
const RESOURCES: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/Too many open files/, 'open files: raise the limit (ulimit -n, LimitNOFILE of systemd)'],
  [/Cannot allocate memory/, 'memory: run fewer streams, or smaller pictures'],
  [/No space left on device|Disk quota exceeded/, 'disk space: free some'],
  [
    /^(?!.*VIDIOC).*Resource temporarily unavailable|pthread_create/,
    'processes: raise the limit (ulimit -u, TasksMax of systemd)',
  ],
];

/**
 * What ffmpeg fails at where audio is announced and does not come: newer versions name what follows in words of the machine's
 * resources, and all of them by an "invalid argument".
 */
const AUDIO_MISSING = rule(
  /^sample rate not set|^Too many packets buffered for output stream(?: \d+:0)?\.$/,
  'source-unsupported',
  'the source announces audio but sends none that ffmpeg can read: switch it on at the source, or set audio to none',
);

/** What of a whitelist's refusal is known. The demuxers' names are told up to ffmpeg 6. */
const REFUSED = /^Format not on whitelist/;
const STILL =
  'the source is a still picture, not video: use the URL of its video (RTSP, HLS, motion JPEG), or make a clip of the picture';
const TEXT = 'the source is text, not video: choose a source of video';
const OTHER = 'the source is not video that this node plays: a still picture or text, perhaps';

/** A format that ffmpeg knows and the node does not play. */
function refusedFormat(lines: readonly LogLine[]): Diagnosis | undefined {
  const module = lines.find(({ text }) => REFUSED.test(text))?.module;
  if (module === undefined) return undefined;
  const message = /^image2|_pipe$/.test(module) ? STILL : module === 'tty' ? TEXT : OTHER;
  return { code: 'source-not-media', fault: 'source', message };
}

/** The name's ending alone said that it is MP4, so nothing is missing of one. */
const MISDETECTED = /^Format mov,.* misdetection possible!/;

/** Whether a line says that this ffmpeg cannot do what the node asked for. Pure. */
export function isUnusable({ level, text }: Pick<LogLine, 'level' | 'text'>): boolean {
  return (level === 'error' || level === 'fatal') && UNUSABLE.test(text);
}

/** What to do where an ffmpeg does not do what it is there for. */
export const OTHER_FFMPEG = 'name another ffmpeg in ffmpeg.path, or run sidepipe doctor';

function unusable({ text }: LogLine): Diagnosis {
  const message = `this ffmpeg fails at what the node asks of it ("${text.trim()}"): ${OTHER_FFMPEG}`;
  return { code: 'ffmpeg-unusable', fault: 'node', message };
}

/** What the machine has too little of, from any text that names an error of the system. Pure. */
function exhaustedResource(text: string): Diagnosis | undefined {
  const what = RESOURCES.find(([pattern]) => pattern.test(text))?.[1];
  if (what === undefined) return undefined;
  return { code: 'machine-exhausted', fault: 'node', message: `this machine has run out of ${what}` };
}

/**
 * Puts the end of an ffmpeg run into words from the last lines of its log. A fault of ffmpeg's build or of the machine is told from one of
 * the source. Undefined when nothing known was said. Pure.
 */
export function diagnose(lines: readonly LogLine[]): Diagnosis | undefined {
  const serious = lines.filter((line) => line.level === 'error' || line.level === 'fatal' || line.level === 'warning');
  const rejected = serious.find(isUnusable);
  if (rejected !== undefined) return unusable(rejected);
  if (serious.some(({ text }) => AUDIO_MISSING.pattern.test(text))) return diagnosisOf(AUDIO_MISSING);
  for (const { level, text } of serious) {
    const resource = level === 'warning' ? undefined : exhaustedResource(text);
    if (resource !== undefined) return resource;
  }
  const isMp4 = !serious.some(({ text }) => MISDETECTED.test(text));
  const telling = serious.filter(({ text }) => !REFUSED.test(text) && (isMp4 || !text.startsWith('moov atom')));
  const refused = refusedFormat(serious);
  const named = rules.find(({ pattern }) => telling.some((line) => pattern.test(line.text)));
  if (refused !== undefined && (named === undefined || named.isVague)) return refused;
  if (named !== undefined && !named.isVague) return diagnosisOf(named);
  const output = serious.find((line) => line.level !== 'warning' && OUTPUT_FAILED.test(line.text));
  if (output !== undefined) return unusable(output);
  return named && diagnosisOf(named);
}

function diagnosisOf({ pattern: _, isVague: __, ...diagnosis }: Rule): Diagnosis {
  return diagnosis;
}
