import { SidepipeError } from '../errors.js';

/** Offers, ICE fragments and answers as text (RFC 8866, RFC 8829, RFC 8840). Pure. */

/** A codec that a media section offers. */
export interface OfferedFormat {
  readonly payloadType: number;
  /** In lower case: `h264`, `opus`, `rtx`. */
  readonly codec: string;
  readonly clockRate: number;
  readonly channels: number | undefined;
  /** The value of `a=fmtp`; empty without one. */
  readonly parameters: string;
  /** The values of `a=rtcp-fb`, such as `nack pli`. */
  readonly feedback: readonly string[];
}

/** A direction as the offerer sees it. */
type OfferedDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** One media section. */
export interface OfferedMedia {
  readonly mid: string;
  readonly kind: 'audio' | 'video' | 'application';
  readonly direction: OfferedDirection;
  /** In the offerer's order of preference. */
  readonly formats: readonly OfferedFormat[];
  /** Header extensions: id to URI. */
  readonly extensions: ReadonlyMap<number, string>;
}

export interface Offer {
  /** The offer, without candidates that the node must not contact: see `usableCandidate`. */
  readonly sdp: string;
  readonly iceUfrag: string;
  readonly media: readonly OfferedMedia[];
}

/** A body of `application/trickle-ice-sdpfrag`. */
export interface IceFragment {
  readonly iceUfrag: string | undefined;
  readonly candidates: readonly { readonly mid: string; readonly candidate: string }[];
}

export const SDP_TYPE = 'application/sdp';
export const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';
const MOST_BYTES = 64 * 1024;
const MOST_LINES = 2000;
const MOST_SECTIONS = 16;
const MOST_FORMATS = 100;
/** Of an offer, and of all fragments of a session together: the node checks connectivity with each one. */
export const MOST_CANDIDATES = 32;

/** Parses an offer. Throws `webrtc-offer-invalid` with the reason. */
export function parseOffer(text: string): Offer {
  const lines = linesOf(text);
  if (lines[0] !== 'v=0') throw invalid('The body is not an SDP offer: it must start with v=0.');
  const start = lines.findIndex((line) => line.startsWith('m='));
  if (start < 0) throw invalid('The offer has no media section.');
  const session = lines.slice(0, start);
  const sections: string[][] = [];
  for (const line of lines.slice(start)) {
    if (line.startsWith('m=')) sections.push([]);
    sections.at(-1)!.push(line);
  }
  if (sections.length > MOST_SECTIONS) throw invalid(`The offer has more than ${MOST_SECTIONS} media sections.`);
  const iceUfrag = [session, ...sections]
    .map((each) => attributeOf(each, 'ice-ufrag'))
    .find((value) => value !== undefined);
  if (iceUfrag === undefined) throw invalid('The offer has no a=ice-ufrag.');
  const mustHave = ['ice-pwd', 'fingerprint'];
  for (const name of mustHave) {
    if (!lines.some((line) => line.startsWith(`a=${name}:`))) throw invalid(`The offer has no a=${name}.`);
  }
  const media = sections.map((section) => mediaOf(section, directionOf(session) ?? 'sendrecv'));
  if (new Set(media.map(({ mid }) => mid)).size < media.length)
    throw invalid('Two media sections have the same a=mid.');
  return { sdp: `${withoutUnusable(lines).join('\r\n')}\r\n`, iceUfrag, media };
}

/** Parses the body of a PATCH request. Throws `webrtc-offer-invalid`. */
export function parseIceFragment(text: string): IceFragment {
  const lines = linesOf(text);
  const candidates: { mid: string; candidate: string }[] = [];
  let mid = '0';
  for (const line of lines) {
    if (line.startsWith('a=mid:')) mid = line.slice('a=mid:'.length);
    if (!line.startsWith('a=candidate:')) continue;
    if (usableCandidate(line)) candidates.push({ mid, candidate: line.slice(2) });
    if (candidates.length > MOST_CANDIDATES) throw invalid(`More than ${MOST_CANDIDATES} candidates.`);
  }
  const iceUfrag = attributeOf(lines, 'ice-ufrag');
  if (iceUfrag === undefined && candidates.length === 0 && !lines.includes('a=end-of-candidates')) {
    throw invalid('The fragment has neither a=ice-ufrag nor candidates.');
  }
  return { iceUfrag, candidates };
}

export interface AnnouncedAddresses {
  /** Empty: the addresses that the library found. */
  readonly publicAddresses: readonly string[];
  readonly port: number;
}

/** The answer with the candidates that clients are to use: host candidates are replaced by the public addresses, if there are any. */
export function announceCandidates(sdp: string, { publicAddresses, port }: AnnouncedAddresses): string {
  const isPlaced = new Set<'candidates'>();
  const lines = sdp.split(/\r?\n/).filter((line) => line !== '');
  const isHost = (line: string) => line.startsWith('a=candidate:') && / typ host\b/.test(line);
  const result: string[] = [];
  for (const line of lines) {
    if (!isHost(line)) {
      result.push(line);
      continue;
    }
    if (publicAddresses.length === 0) {
      // A link-local address is useless without the client's interface.
      if (!/ fe80:/i.test(line)) result.push(line);
      continue;
    }
    if (!isPlaced.has('candidates'))
      result.push(...publicAddresses.map((address, index) => hostCandidate(address, port, index)));
    isPlaced.add('candidates');
  }
  return `${result.join('\r\n')}\r\n`;
}

/** RFC 8445, 5.1.2.1: type preference 126, the local preference falls with the order, component 1. */
function hostCandidate(address: string, port: number, index: number): string {
  const priority = 126 * 2 ** 24 + (65535 - index) * 2 ** 8 + 255;
  return `a=candidate:${index + 1} 1 UDP ${priority} ${address} ${port} typ host`;
}

/** The value of a parameter of `a=fmtp`, such as `profile-level-id`. */
export function formatParameter({ parameters }: Pick<OfferedFormat, 'parameters'>, name: string): string | undefined {
  for (const pair of parameters.split(';')) {
    const [key = '', value = ''] = pair.trim().split('=', 2);
    if (key.toLowerCase() === name) return value;
  }
  return undefined;
}

function linesOf(text: string): string[] {
  if (text.length > MOST_BYTES) throw invalid(`The body is larger than ${MOST_BYTES} bytes.`);
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  if (lines.length > MOST_LINES) throw invalid(`The body has more than ${MOST_LINES} lines.`);
  return lines;
}

function mediaOf(lines: readonly string[], usual: OfferedDirection): OfferedMedia {
  const [, kind = '', protocol = '', list = ''] = /^m=(\w+) \d+(?:\/\d+)? (\S+) (.*)$/.exec(lines[0]!) ?? [];
  if (kind !== 'audio' && kind !== 'video' && kind !== 'application') {
    throw invalid(`The offer has a media section that is neither audio nor video: ${lines[0]!.slice(0, 80)}`);
  }
  if (kind !== 'application' && !/^(?:UDP\/TLS\/)?RTP\/SAVPF?$/.test(protocol)) {
    throw invalid(`The offer's ${kind} uses ${protocol.slice(0, 40)} instead of UDP/TLS/RTP/SAVPF.`);
  }
  const mid = attributeOf(lines, 'mid');
  if (mid === undefined || !/^[\x21-\x7e]{1,64}$/.test(mid))
    throw invalid(`The offer's ${kind} section has no valid a=mid.`);
  const types = kind === 'application' ? [] : list.split(' ');
  if (types.length > MOST_FORMATS) throw invalid(`The offer's ${kind} section has more than ${MOST_FORMATS} formats.`);
  return {
    mid,
    kind,
    direction: directionOf(lines) ?? usual,
    formats: types.flatMap((type) => formatOf(lines, type)),
    extensions: new Map(
      lines.flatMap((line) => {
        const [, id, uri] = /^a=extmap:(\d{1,5})(?:\/\w+)? (\S+)/.exec(line) ?? [];
        return id === undefined ? [] : [[Number(id), uri!] as const];
      }),
    ),
  };
}

/** Payload types without `a=rtpmap` are the static ones of RFC 3551. */
const STATIC: Readonly<Record<string, string>> = { '0': 'PCMU/8000', '8': 'PCMA/8000' };

function formatOf(lines: readonly string[], type: string): OfferedFormat[] {
  if (!/^\d{1,3}$/.test(type) || Number(type) > 127) return [];
  const map = attributeOf(lines, `rtpmap:${type} `, '') ?? STATIC[type];
  const [, codec, rate, channels] = /^([\w.-]+)\/(\d{1,9})(?:\/(\d{1,2}))?$/.exec(map ?? '') ?? [];
  if (codec === undefined) return [];
  const feedback = lines.flatMap((line) => {
    const [, to, value] = /^a=rtcp-fb:(\d{1,3}|\*) (.+)$/.exec(line) ?? [];
    return to === type || to === '*' ? [value!] : [];
  });
  return [
    {
      payloadType: Number(type),
      codec: codec.toLowerCase(),
      clockRate: Number(rate),
      channels: channels === undefined ? undefined : Number(channels),
      parameters: attributeOf(lines, `fmtp:${type} `, '') ?? '',
      feedback,
    },
  ];
}

function directionOf(lines: readonly string[]): OfferedDirection | undefined {
  return (['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const).find((each) => lines.includes(`a=${each}`));
}

function attributeOf(lines: readonly string[], name: string, colon = ':'): string | undefined {
  const start = `a=${name}${colon}`;
  return lines
    .find((line) => line.startsWith(start))
    ?.slice(start.length)
    .trim();
}

/**
 * Whether the node contacts a candidate: UDP with a literal address. Resolving a host name would let a client make the node query DNS; browsers
 * hide their addresses behind `.local` names, which resolve nowhere. Such clients are found by their own connectivity checks.
 */
function usableCandidate(line: string): boolean {
  const [, address] = /^a=candidate:\S{1,32} 1 UDP \d{1,10} ([0-9A-Fa-f.:]{2,45}) \d{1,5} typ \w+/i.exec(line) ?? [];
  return address !== undefined && (address.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(address));
}

function withoutUnusable(lines: readonly string[]): string[] {
  let left = MOST_CANDIDATES;
  return lines.filter((line) => {
    if (!line.startsWith('a=candidate:')) return true;
    if (!usableCandidate(line) || left === 0) return false;
    left -= 1;
    return true;
  });
}

function invalid(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'webrtc-offer-invalid', fault: 'caller' });
}
