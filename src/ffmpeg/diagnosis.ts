import type { ErrorCode, Fault } from '../errors.js';
import type { LogLine } from './log-line.js';

export interface Diagnosis {
  readonly code: ErrorCode;
  readonly fault: Fault;
  /** One sentence for people. */
  readonly message: string;
}

interface Rule extends Diagnosis {
  readonly pattern: RegExp;
}

const rule = (pattern: RegExp, code: ErrorCode, message: string, fault: Fault = 'source'): Rule => ({
  pattern,
  code,
  fault,
  message,
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
  rule(/Format not on whitelist/i, 'source-not-media', 'what the source gives is not video that ffmpeg knows'),
  rule(
    /not on whitelist|Unsafe file name/i,
    'source-refused',
    'the source leads to a protocol that this kind of source may not use',
  ),
  rule(
    /401 Unauthorized|401 \(?unauthorized|authorization failed/i,
    'source-refused',
    'the source wants other credentials (401 Unauthorized)',
  ),
  rule(
    /Incorrect passphrase|BADSECRET|ERROR:UNSECURE/,
    'source-refused',
    'the passphrase is not the one of the other side (SRT)',
  ),
  rule(/403 Forbidden|access denied/i, 'source-refused', 'the source refuses access (403 Forbidden)'),
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
    "the source's audio cannot be carried in fMP4 as it is: set audio to aac",
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
    /Invalid data found when processing input|moov atom not found|Invalid argument/i,
    'source-not-media',
    'what the source gives is not video that ffmpeg knows',
  ),
  rule(/Input\/output error|End of file/i, 'source-unavailable', 'the source broke off'),
];

/**
 * Puts the end of an ffmpeg run into words from the last lines of its log. Errors about the node's own loopback receiver
 * are not the source's. Undefined when nothing known was said. Pure.
 */
export function diagnose(lines: readonly LogLine[], ownUrl: string): Diagnosis | undefined {
  const serious = lines.filter((line) => line.level === 'error' || line.level === 'fatal' || line.level === 'warning');
  const foreign = serious.filter((line) => !line.text.includes(ownUrl));
  for (const { pattern, ...diagnosis } of rules) {
    if (foreign.some((line) => pattern.test(line.text))) return diagnosis;
  }
  return undefined;
}
