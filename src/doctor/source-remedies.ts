import type { SidepipeError } from '../errors.js';
import type { Source, UnknownSource } from '../ingest/source.js';

/** What to do about a source that cannot be opened. Pure. */

type Kind = (Source | UnknownSource)['kind'];

interface Rule {
  readonly pattern: RegExp;
  readonly remedy: string;
  /** Where the words mean something for these kinds only. */
  readonly kinds?: readonly Kind[];
}

/** By the words of the error, the most particular first. */
const rules: readonly Rule[] = [
  {
    pattern: /\b401\b|credentials|password|passphrase/i,
    remedy:
      'Correct user and password in the source URL; in a URL @ is %40, / is %2F, # is %23. Cameras lock an account after some attempts.',
  },
  {
    pattern: /\b403\b|refuses access/i,
    remedy: 'Allow this user, or the address of this machine, to view the stream at the device.',
  },
  {
    pattern: /\b404\b|no such stream/i,
    remedy: 'Correct the path of the source URL: the manual of the device names it.',
  },
  {
    pattern: /does not exist|no such (?:directory|file)|not there/i,
    remedy: 'Correct the path. A relative one starts at the working directory of the node.',
    kinds: ['file', 'directory', 'unknown'],
  },
  {
    pattern: /permission denied|may not be/i,
    remedy: 'Let the user that runs the node read it (chmod, chown, or the group video for devices).',
  },
  { pattern: /directory holds no file/i, remedy: 'Put at least one video file into the directory.' },
  { pattern: /without the slash|is a directory/i, remedy: 'End the path of a directory with a slash, and no other.' },
  { pattern: /host name/i, remedy: 'Correct the host name, or use the IP address of the device.' },
  {
    pattern: /refused|nothing accepts/i,
    remedy: 'Check the port, and that the device has the service (RTSP, HTTP) switched on.',
  },
  {
    pattern: /no route|unreachable/i,
    remedy: 'Connect this machine to the network of the device; check the address and its netmask.',
  },
  {
    pattern: /TLS|certificate/i,
    remedy: 'Check the port, the certificate and the clock of the device, or use the scheme without TLS.',
  },
  {
    pattern: /timed out|within \d+ s|broke/i,
    remedy:
      'Check that the device is switched on, that its address and port are right, and that no firewall is in between.',
  },
  {
    pattern: /announces audio/i,
    remedy: 'Turn the microphone on at the device, or set audio: none for this stream.',
  },
  { pattern: /no video/i, remedy: 'Choose a source with video: this one has audio or data only.' },
  { pattern: /crashed/i, remedy: 'Install another ffmpeg and name it in ffmpeg.path (SIDEPIPE_FFMPEG_PATH).' },
  {
    pattern: /has no \w+; name one|cannot open this kind|not a kind of source/i,
    remedy: 'Correct the scheme of the source, or name an ffmpeg with this protocol in ffmpeg.path.',
  },
  {
    pattern: /busy/i,
    remedy: 'Stop what uses the device, a running node for instance, or correct device.format, width and height.',
  },
];

const byCode: Readonly<Partial<Record<SidepipeError['code'], string>>> = {
  'source-not-media':
    'Choose a video: MP4, Matroska, MPEG-TS, FLV, HLS, RTSP or motion JPEG. A file may be incomplete.',
  'source-unsupported': 'Correct the scheme of the source, or name an ffmpeg with this protocol in ffmpeg.path.',
  'source-refused': 'Correct the source: the message says what is wrong.',
  'ffmpeg-failed': 'Play the source with ffmpeg itself: ffmpeg -i SOURCE -f null -',
  'ffmpeg-unusable': 'Install another ffmpeg and name it in ffmpeg.path (SIDEPIPE_FFMPEG_PATH).',
};

export function remedyOf({ message, code }: Pick<SidepipeError, 'message' | 'code'>, kind: Kind): string {
  const rule = rules.find(({ pattern, kinds }) => pattern.test(message) && (kinds?.includes(kind) ?? true));
  return rule?.remedy ?? byCode[code] ?? 'Check that the source is there and that this machine reaches it.';
}
