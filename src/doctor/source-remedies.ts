import type { SidepipeError } from '../errors.js';
import type { Source, UnknownSource } from '../ingest/source.js';

/** Remedies for sources that cannot be opened. Pure. */

type Kind = (Source | UnknownSource)['kind'];

interface Rule {
  readonly pattern: RegExp;
  readonly remedy: string;
  /** The kinds of source to which the rule applies. Default: all. */
  readonly kinds?: readonly Kind[];
}

/** Rules by the error message, most specific first. */
const rules: readonly Rule[] = [
  {
    pattern: /\b401\b|credentials|username|password|passphrase/i,
    remedy:
      'Correct the user name and password in the source URL (@ is %40, / is %2F, # is %23). Cameras lock an account after some failed attempts.',
  },
  {
    pattern: /\b403\b|(?:refus|den|reject|forb)\w* access|access (?:refused|denied|forbidden)/i,
    remedy: 'Allow this user, or the IP address of this machine, in the settings of the device.',
  },
  {
    pattern: /\b404\b|no such stream/i,
    remedy: 'Correct the path of the source URL. It is in the manual of the device.',
  },
  {
    pattern: /does not exist|no such (?:directory|file)|not there/i,
    remedy: 'Correct the path. A relative path starts at the working directory of the node.',
    kinds: ['file', 'directory', 'unknown'],
  },
  {
    pattern: /permission denied|may not be/i,
    remedy: 'Give the user that runs the node read permission (chmod, chown, or the group video for devices).',
  },
  { pattern: /directory (?:holds|contains|has) no/i, remedy: 'Put at least one video file into the directory.' },
  {
    pattern: /without (?:the|a) (?:trailing )?slash|is a directory/i,
    remedy: 'End the path of a directory, and only of a directory, with a slash.',
  },
  { pattern: /host name/i, remedy: 'Correct the host name, or use the IP address of the device.' },
  {
    pattern: /refused|nothing accepts/i,
    remedy: 'Check the port, and that the service (RTSP, HTTP) is enabled on the device.',
  },
  {
    pattern: /no route|unreachable/i,
    remedy: 'Connect this machine to the network of the device. Check the IP address and its netmask.',
  },
  {
    pattern: /TLS|certificate/i,
    remedy: 'Check the port, the certificate and the clock of the device, or use the scheme without TLS.',
  },
  {
    pattern: /timed out|within \d+ s|broke|connection (?:lost|closed)/i,
    remedy: 'Check that the device is powered on, that address and port are correct, and that no firewall blocks them.',
  },
  {
    pattern: /announces audio/i,
    remedy: 'Enable the microphone of the device, or set audio: none for this stream.',
  },
  { pattern: /no video/i, remedy: 'Choose a source with video. This one has only audio or data.' },
  { pattern: /crashed/i, remedy: 'Install another ffmpeg and set ffmpeg.path (SIDEPIPE_FFMPEG_PATH).' },
  {
    pattern:
      /has no \w+; name one|cannot open this kind|not a kind of source|unknown kind|not supported by this ffmpeg/i,
    remedy: 'Correct the scheme of the source, or set ffmpeg.path to an ffmpeg with this protocol.',
  },
  {
    pattern: /busy/i,
    remedy:
      'Stop the program that uses the device, such as a running node, or correct device.format, width and height.',
  },
];

const byCode: Readonly<Partial<Record<SidepipeError['code'], string>>> = {
  'source-not-media':
    'Choose a video: MP4, Matroska, MPEG-TS, FLV, HLS, RTSP or motion JPEG. The file may be incomplete.',
  'source-unsupported': 'Correct the scheme of the source, or set ffmpeg.path to an ffmpeg with this protocol.',
  'source-refused': 'Correct the source as the message says.',
  'ffmpeg-failed': 'Play the source with ffmpeg itself: ffmpeg -i SOURCE -f null -',
  'ffmpeg-unusable': 'Install another ffmpeg and set ffmpeg.path (SIDEPIPE_FFMPEG_PATH).',
};

export function remedyOf({ message, code }: Pick<SidepipeError, 'message' | 'code'>, kind: Kind): string {
  const rule = rules.find(({ pattern, kinds }) => pattern.test(message) && (kinds?.includes(kind) ?? true));
  return rule?.remedy ?? byCode[code] ?? 'Check that the source exists and that this machine can reach it.';
}
