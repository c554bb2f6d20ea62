import { SidepipeError } from '../errors.js';
import { isAddress } from '../net/address.js';
import { isAllowedAddress, type Networks } from './networks.js';
import { type Source, srtMode, type UnknownSource } from './source.js';

/** The protocol of a source, as the policy names it. */
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

/** Who defined a stream: the configuration, or a request to the API. The policy applies to the latter. */
export type StreamOrigin = 'config' | 'api';

/** The stream settings that affect the protocol. */
interface SourceSettings {
  readonly rtsp: { readonly transport: 'tcp' | 'udp' };
  readonly srt: { readonly mode?: 'caller' | 'listener' | undefined };
}

/** What sources defined through the API may open. */
export interface SourcePolicy {
  readonly protocols: readonly SourceProtocol[];
  readonly networks: Networks;
}

/**
 * Returns why a policy refuses a source; undefined if it does not, as far as can be told before the host name is resolved. The error is
 * `source-refused`, the fault is the caller's, and its message reveals nothing of the source except its protocol. Resolved addresses are
 * checked again for each connection. Pure.
 */
export function checkSource(
  source: Source | UnknownSource,
  policy: SourcePolicy,
  settings: SourceSettings,
): SidepipeError | undefined {
  if (source.kind === 'unknown') return source.problem;
  const protocol = protocolOf(source, settings);
  if (!policy.protocols.includes(protocol)) {
    return refused(`source: ${protocol} is not allowed for streams created through the API (api.sources.protocols)`);
  }
  const host = literalAddress(source);
  if (host === undefined || protocol === 'srt-listener') return undefined;
  return isAllowedAddress(host, policy.networks) ? undefined : addressRefused();
}

/** The error for a source whose address is not in an allowed network. */
export function addressRefused(): SidepipeError {
  return refused(
    "source: the host's address is not allowed for streams created through the API (api.sources.networks)",
  );
}

/** The policy's name for the protocol of a source. Pure. */
function protocolOf({ kind, url }: Source, { rtsp, srt }: SourceSettings): SourceProtocol {
  const scheme = url.slice(0, url.indexOf(':')).toLowerCase();
  if (kind === 'rtsp') return rtsp.transport === 'udp' ? 'rtsp-udp' : (scheme as 'rtsp' | 'rtsps');
  if (kind === 'rtmp') return scheme as 'rtmp' | 'rtmps';
  if (kind === 'srt') return srtMode(url, srt.mode) === 'caller' ? 'srt' : 'srt-listener';
  if (kind === 'http' || kind === 'hls' || kind === 'mjpeg') return scheme as 'http' | 'https';
  return kind;
}

/** The address in a URL, if the host is an address and not a name. Other notations of a number are left to the resolver. */
function literalAddress({ url }: Source): string | undefined {
  if (!/^[a-z]+:\/\//i.test(url) || !URL.canParse(url)) return undefined;
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return isAddress(host) ? host : undefined;
}

function refused(message: string): SidepipeError {
  return new SidepipeError(message, { code: 'source-refused', fault: 'caller' });
}
