import { SidepipeError } from '../errors.js';
import { isAddress, isAllowedAddress, type Networks } from './networks.js';
import { type Source, srtMode, type UnknownSource } from './source.js';

/** What a source can be opened by, as the policy names it. */
type SourceProtocol =
  | 'test'
  | 'push'
  | 'http'
  | 'https'
  | 'rtsp'
  | 'rtsps'
  | 'rtsp-udp'
  | 'rtmp'
  | 'rtmps'
  | 'srt'
  | 'srt-listener'
  | 'file'
  | 'directory'
  | 'device';

/** Whose word a stream is: the configuration's, or that of a request to the API, for which the policy holds. */
export type StreamOrigin = 'config' | 'api';

/** What settings of the stream decide about. */
interface SourceSettings {
  readonly rtsp: { readonly transport: 'tcp' | 'udp' };
  readonly srt: { readonly mode?: 'caller' | 'listener' | undefined };
}

/** What sources that came through the API may open. */
export interface SourcePolicy {
  readonly protocols: readonly SourceProtocol[];
  readonly networks: Networks;
}

/**
 * Why a source may not be opened under a policy; undefined when it may, as far as can be told before its host name is looked up.
 * The error is `source-refused`, the fault is the caller's, and it holds nothing of the source but its protocol. Where the name
 * leads is checked again at each connection. Pure.
 */
export function checkSource(
  source: Source | UnknownSource,
  policy: SourcePolicy,
  settings: SourceSettings,
): SidepipeError | undefined {
  if (source.kind === 'unknown') return source.problem;
  const protocol = protocolOf(source, settings);
  if (!policy.protocols.includes(protocol)) {
    return refused(`source: ${protocol} is not allowed for streams of the API (api.sources.protocols)`);
  }
  const host = literalAddress(source);
  if (host === undefined || protocol === 'srt-listener') return undefined;
  return isAllowedAddress(host, policy.networks) ? undefined : addressRefused();
}

/** What a source is refused with whose address is not in an allowed network. */
export function addressRefused(): SidepipeError {
  return refused("source: the host's address is not allowed for streams of the API (api.sources.networks)");
}

/** The name by which a policy knows a source. Pure. */
function protocolOf({ kind, url }: Source, { rtsp, srt }: SourceSettings): SourceProtocol {
  const scheme = url.slice(0, url.indexOf(':')).toLowerCase();
  if (kind === 'rtsp') return rtsp.transport === 'udp' ? 'rtsp-udp' : (scheme as 'rtsp' | 'rtsps');
  if (kind === 'rtmp') return scheme as 'rtmp' | 'rtmps';
  if (kind === 'srt') return srtMode(url, srt.mode) === 'caller' ? 'srt' : 'srt-listener';
  if (kind === 'http' || kind === 'hls' || kind === 'mjpeg') return scheme as 'http' | 'https';
  return kind;
}

/** The address in a URL, where it is one and no name. What else stands for a number is left to the resolver. */
function literalAddress({ url }: Source): string | undefined {
  if (!/^[a-z]+:\/\//i.test(url) || !URL.canParse(url)) return undefined;
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return isAddress(host) ? host : undefined;
}

function refused(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'source-refused', fault: 'caller' });
}
