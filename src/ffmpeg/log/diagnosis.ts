import type { ErrorCode, Fault } from '../../errors.js';
import type { LogLine } from './log-line.js';

export interface Diagnosis {
  readonly code: ErrorCode;
  readonly fault: Fault;
  /** One or two sentences for people: what is wrong and what to do. */
  readonly message: string;
  /** The source rejected the credentials. Many cameras lock the account after repeated attempts. */
  readonly denied?: true;
}

interface Rule extends Diagnosis {
  readonly pattern: RegExp;
  /** ffmpeg uses the same message for faults of an output, so messages about an output take precedence. */
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

/** ffmpeg's messages, ordered so that a cause comes before its consequences, and what they mean for the person who configured the stream. */
const rules: readonly Rule[] = [
  // What the node itself responds in place of the source to streams created through the API.
  rule(
    /Address not allowed/,
    'source-refused',
    'The source leads to an address that streams created through the API may not access (api.sources.networks).',
  ),
  rule(
    /Redirect not allowed/,
    'source-refused',
    'The source redirects elsewhere. RTSP streams created through the API may not follow redirects.',
  ),
  rule(
    /Playlist not allowed/,
    'source-refused',
    'The HLS playlist contains a URL that is not HTTP, or is too large. Streams created through the API may not open it.',
  ),
  rule(
    /Content-Encoding not allowed/,
    'source-refused',
    'The source compresses its response although no compression was requested. Turn off compression at the source.',
  ),
  rule(
    /exceeds specified max pixel count/,
    'source-unsupported',
    'The frames of the source are larger than this node decodes (ffmpeg.maxPixels).',
  ),
  rule(
    /not on whitelist|Unsafe file name/i,
    'source-refused',
    'The source refers to a protocol that is not allowed for this kind of source.',
  ),
  denial(
    /401 Unauthorized|401 \(?unauthorized|authorization failed/i,
    'The source rejected the username or password (401 Unauthorized).',
  ),
  denial(/Incorrect passphrase|BADSECRET|ERROR:UNSECURE/, 'The SRT passphrase does not match that of the source.'),
  denial(/403 Forbidden|access denied/i, 'The source denied access (403 Forbidden).'),
  rule(
    /404 Not Found|404 \(?stream not found|StreamNotFound/i,
    'source-unavailable',
    'The source has no stream at this path (404 Not Found).',
  ),
  rule(
    /Server returned 4\d\d|Server returned 4XX/i,
    'source-refused',
    'The source rejected the request (HTTP status 4xx).',
  ),
  rule(/Is a directory/i, 'source-refused', 'The source is a directory, not a file.'),
  rule(/No such file or directory/i, 'source-unavailable', 'The source file does not exist.'),
  rule(/Permission denied/i, 'source-refused', 'The source file cannot be read (permission denied).'),
  rule(/matches no streams/i, 'source-without-video', 'The source has no video.'),
  // In versions that check the decoder's options first.
  rule(/^Codec AVOption skip_frame\b.* is not a decoding option/, 'source-without-video', 'The source has no video.'),
  rule(
    /Protocol not found|Unknown input format/i,
    'source-unsupported',
    'This ffmpeg cannot open this kind of source.',
  ),
  rule(
    /Failed to resolve hostname|Name or service not known|Temporary failure in name resolution/i,
    'source-unavailable',
    "The source's host name cannot be resolved. Check its spelling and the DNS server of this machine.",
  ),
  rule(/TLS packet|TLS handshake|SSL|certificate/i, 'source-unavailable', 'The TLS connection to the source failed.'),
  rule(/Connection to srt:.* failed: Input\/output error/i, 'source-unavailable', 'The source does not respond (SRT).'),
  rule(
    /Cannot open video device|Device or resource busy|not a video capture device|ioctl\(VIDIOC/i,
    'source-unavailable',
    'The video device cannot be used. It is busy, or does not support this format and frame size.',
  ),
  rule(
    /Connection refused/i,
    'source-unavailable',
    'The source does not accept connections on this port (connection refused).',
  ),
  rule(
    /No route to host|Network is unreachable|Host is unreachable/i,
    'source-unavailable',
    'There is no route to the source.',
  ),
  rule(
    /Connection timed out|Operation timed out|Connection reset|Broken pipe/i,
    'source-unavailable',
    'The connection to the source broke or timed out.',
  ),
  rule(
    /not supported by the bitstream filter 'aac_adtstoasc'|Malformed AAC bitstream/i,
    'source-unsupported',
    "The source's audio cannot be carried in fMP4 unchanged. Set audio to auto or aac.",
  ),
  // After the reasons in the egress proxy's own 502 response, which say why the source is unreachable.
  rule(
    /Server returned 5\d\d|Server returned 5XX/i,
    'source-unavailable',
    'The source reported a server error (HTTP status 5xx).',
  ),
  rule(
    /codec not currently supported in container|Could not find tag for codec|incompatible with output codec/i,
    'source-unsupported',
    "The source's codec cannot be carried in HLS. Encode it by setting renditions.",
  ),
  rule(
    /moov atom not found/,
    'source-not-media',
    'The source is not video that can be played: an MP4 without its index (moov atom), incomplete or still being written. Copy it again when it is complete.',
    true,
  ),
  rule(
    /Invalid data found when processing input|Invalid argument/i,
    'source-not-media',
    'The source is not video that ffmpeg can decode.',
    true,
  ),
  rule(/Input\/output error|End of file/i, 'source-unavailable', 'The source broke off unexpectedly.', true),
];

/**
 * ffmpeg's messages about an unknown option, filter, codec or format that the node asked for. They take precedence, because such an
 * ffmpeg never reaches a fault of the source.
 */
const UNUSABLE =
  /^Unrecognized option|^Option '?\S+ (?:\([^)]*\) )?(?:not found|cannot be applied)|Error splitting the argument list|^Error applying option|^Missing argument for option|^Invalid time base|^Error parsing bitstream filter|^Unknown bitstream filter|^No such filter|^Unknown (?:en|de)coder '|^Requested output format|^Unable to choose an output format/;
/** Consequences of a failed filter, encoder or muxer, if no message names a fault of the source. */
const OUTPUT_FAILED =
  /Error while opening encoder|Could not open encoder|^Error initializing the muxer|^Error opening output files?|^Error (?:re)?initializing filters?|Error setting profile/;

/** Errors about the machine's resources, in the C library's wording. */
const RESOURCES: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/Too many open files/, 'open files. Raise the limit (ulimit -n, LimitNOFILE in systemd).'],
  [/Cannot allocate memory/, 'memory. Run fewer streams, or reduce the frame size.'],
  [/No space left on device|Disk quota exceeded/, 'disk space. Free some space.'],
  [
    /^(?!.*VIDIOC).*Resource temporarily unavailable|pthread_create/,
    'processes. Raise the limit (ulimit -u, TasksMax in systemd).',
  ],
];

/**
 * ffmpeg's errors if announced audio does not arrive. Newer versions report the consequences like shortages of the machine, and all
 * versions as an "invalid argument".
 */
const AUDIO_MISSING = rule(
  /^sample rate not set|^Too many packets buffered for output stream(?: \d+:0)?\.$/,
  'source-unsupported',
  'The source announces audio but sends none that ffmpeg can decode. Turn on audio at the source, or set audio to none.',
);

/** A format that the whitelist refused. The log names the demuxer up to ffmpeg 6. */
const REFUSED = /^Format not on whitelist/;
const STILL =
  'The source is a still image, not video. Use the URL of its video (RTSP, HLS, motion JPEG), or make a video clip of the image.';
const TEXT = 'The source is text, not video. Choose a video source.';
const OTHER = 'The source is not video that this node can play. It may be a still image or text.';

/** A format that ffmpeg supports and the node does not. */
function refusedFormat(lines: readonly LogLine[]): Diagnosis | undefined {
  const module = lines.find(({ text }) => REFUSED.test(text))?.module;
  if (module === undefined) return undefined;
  const message = /^image2|_pipe$/.test(module) ? STILL : module === 'tty' ? TEXT : OTHER;
  return { code: 'source-not-media', fault: 'source', message };
}

/** ffmpeg assumed MP4 only because of the file name, so a missing index means nothing. */
const MISDETECTED = /^Format mov,.* misdetection possible!/;

/** Whether a log line says that this ffmpeg does not support what the node asked for. Pure. */
export function isUnusable({ level, text }: Pick<LogLine, 'level' | 'text'>): boolean {
  return (level === 'error' || level === 'fatal') && UNUSABLE.test(text);
}

/** The remedy for an ffmpeg that does not work as needed. */
export const OTHER_FFMPEG = 'Set ffmpeg.path to another ffmpeg, or run sidepipe doctor.';

function unusable({ text }: LogLine): Diagnosis {
  const message = `This ffmpeg does not support what the node needs ("${text.trim()}"). ${OTHER_FFMPEG}`;
  return { code: 'ffmpeg-unusable', fault: 'node', message };
}

/** The exhausted resource of the machine, from any text that contains a system error. Pure. */
function exhaustedResource(text: string): Diagnosis | undefined {
  const what = RESOURCES.find(([pattern]) => pattern.test(text))?.[1];
  if (what === undefined) return undefined;
  return { code: 'machine-exhausted', fault: 'node', message: `This machine has run out of ${what}` };
}

/**
 * Explains the end of an ffmpeg run from the last lines of its log. Distinguishes faults of the ffmpeg build and of the machine from
 * faults of the source. Undefined if the log contains no known message. Pure.
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
