import { createHash, randomBytes } from 'node:crypto';
import type { LiveStream, ViewerId } from '../stream/types.js';
import { addressGroup, type Client } from './client.js';
import { type Cmcd, parseCmcd } from './cmcd.js';
import type { AppContext } from './context.js';

interface ViewerRequest {
  readonly method: string;
  header(name: string): string | undefined;
  query(name: string): string | undefined;
  client(): Client;
}

interface Noted {
  readonly context: AppContext;
  /** The target duration where a media playlist is asked for, else undefined. */
  readonly playlistSeconds: number | undefined;
}

/** Counts who asks for a media playlist, and what players say of themselves with any request. */
export function noteAudience(request: ViewerRequest, live: LiveStream, { context, playlistSeconds }: Noted): void {
  if (request.method !== 'GET') return;
  const cmcd = cmcdOf(request);
  if (cmcd !== undefined) live.audience.report(cmcd);
  if (playlistSeconds === undefined) return;
  const now = context.now();
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

export interface ViewerIds {
  /** An id that says nothing of whom it stands for, and that nobody can tell from another after an hour. */
  idOf(request: ViewerRequest, sessionId: string | undefined, now: number): ViewerId;
}

/** Ids of viewers: hashes with a salt that is never written anywhere and thrown away every hour. */
export function createViewerIds({ rotateMs = 3_600_000 }: { readonly rotateMs?: number } = {}): ViewerIds {
  let salt = { value: randomBytes(16), since: Number.NEGATIVE_INFINITY };
  let former: Buffer | undefined;
  return {
    idOf(request, sessionId, now) {
      if (now - salt.since >= rotateMs || now < salt.since) {
        former = now - salt.since < 2 * rotateMs ? salt.value : undefined;
        salt = { value: randomBytes(16), since: now };
      }
      // A minute on, whoever still watches has been seen under the new salt.
      if (former !== undefined && now - salt.since > 60_000) former = undefined;
      const who = sessionId === undefined ? nameless(request) : `session\n${sessionId}`;
      return { id: hashOf(salt.value, who), former: former && hashOf(former, who) };
    },
  };
}

/** Programs of one kind behind one address count once: better than to keep more of them. */
function nameless(request: ViewerRequest): string {
  const agent = (request.header('user-agent') ?? '').slice(0, 200);
  return `${addressGroup(request.client().address ?? '')}\n${agent}`;
}

function hashOf(salt: Buffer, text: string): number {
  return createHash('sha256').update(salt).update(text).digest().readUIntBE(0, 6);
}
