import { createHash, randomBytes } from 'node:crypto';
import { addressGroup } from '../../net/address.js';
import type { LiveStream, ViewerId } from '../../stream/live-stream.js';
import type { Client } from '../access/client.js';
import type { AppContext } from '../context.js';
import { type Cmcd, parseCmcd } from './cmcd.js';

interface ViewerRequest {
  readonly method: string;
  header(name: string): string | undefined;
  query(name: string): string | undefined;
  client(): Client;
  /** An object shared by all requests of one client on one connection, and by no others. */
  readonly connection?: object | undefined;
}

interface Noted {
  readonly context: AppContext;
  /** The target duration if the request is for a media playlist, otherwise undefined. */
  readonly playlistSeconds: number | undefined;
}

/** Counts clients that request a media playlist, and reads the CMCD that players send with any request. */
export function noteAudience(request: ViewerRequest, live: LiveStream, { context, playlistSeconds }: Noted): void {
  if (request.method !== 'GET') return;
  const cmcd = cmcdOf(request);
  if (cmcd !== undefined) live.audience.report(cmcd);
  if (playlistSeconds === undefined) return;
  const now = context.steadyNow();
  live.audience.seen(context.viewerIds.idOf(request, cmcd?.sessionId, now), playlistSeconds, now);
}

function cmcdOf(request: ViewerRequest): Cmcd | undefined {
  const object = request.header('cmcd-object');
  const asked = request.header('cmcd-request');
  const session = request.header('cmcd-session');
  const status = request.header('cmcd-status');
  const query = request.query('CMCD');
  if ((object ?? asked ?? session ?? status ?? query) === undefined) return undefined;
  return parseCmcd(object, asked, session, status, query);
}

const LONGEST_AGENT = 200;

export interface ViewerIds {
  /** An anonymous viewer id. After an hour it can no longer be linked to the client. */
  idOf(request: ViewerRequest, sessionId: string | undefined, now: number): ViewerId;
}

/** Viewer ids: hashes with a salt that is never stored and replaced every hour. */
export function createViewerIds({ rotateMs = 3_600_000 }: { readonly rotateMs?: number } = {}): ViewerIds {
  let salt = { value: randomBytes(16), since: Number.NEGATIVE_INFINITY };
  let former: Buffer | undefined;
  // Hashing costs more than the rest of a playlist request. Entries end with the connection or the salt.
  let known = new WeakMap<object, { readonly agent: string; readonly id: number }>();
  return {
    idOf(request, sessionId, now) {
      if (now - salt.since >= rotateMs || now < salt.since) {
        former = now - salt.since < 2 * rotateMs ? salt.value : undefined;
        salt = { value: randomBytes(16), since: now };
        known = new WeakMap();
      }
      // A minute later, every remaining viewer has an id under the new salt.
      if (former !== undefined && now - salt.since > 60_000) former = undefined;
      const { connection } = request;
      const agent = (request.header('user-agent') ?? '').slice(0, LONGEST_AGENT);
      const isKept = connection !== undefined && sessionId === undefined && former === undefined;
      const before = isKept ? known.get(connection) : undefined;
      if (before?.agent === agent) return { id: before.id, former: undefined };
      // Identical programs behind one address count once: counting them separately would need more client data.
      const who =
        sessionId === undefined ? `${addressGroup(request.client().address ?? '')}\n${agent}` : `session\n${sessionId}`;
      const id = hashOf(salt.value, who);
      if (isKept) known.set(connection, { agent, id });
      return { id, former: former && hashOf(former, who) };
    },
  };
}

function hashOf(salt: Buffer, text: string): number {
  return createHash('sha256').update(salt).update(text).digest().readUIntBE(0, 6);
}
