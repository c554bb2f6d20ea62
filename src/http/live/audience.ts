import { createHash, randomBytes } from 'node:crypto';
import type { LiveStream, ViewerId } from '../../stream/live-stream.js';
import { addressGroup, type Client } from '../access/client.js';
import type { AppContext } from '../context.js';
import { type Cmcd, parseCmcd } from './cmcd.js';

interface ViewerRequest {
  readonly method: string;
  header(name: string): string | undefined;
  query(name: string): string | undefined;
  client(): Client;
  /** What stays the same from one request to the next of a client that keeps its connection, and of nobody else. */
  readonly connection?: object | undefined;
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
  /** An id that says nothing of whom it stands for, and that nobody can tell from another after an hour. */
  idOf(request: ViewerRequest, sessionId: string | undefined, now: number): ViewerId;
}

/** Ids of viewers: hashes with a salt that is never written anywhere and thrown away every hour. */
export function createViewerIds({ rotateMs = 3_600_000 }: { readonly rotateMs?: number } = {}): ViewerIds {
  let salt = { value: randomBytes(16), since: Number.NEGATIVE_INFINITY };
  let former: Buffer | undefined;
  // Hashing takes longer than all else about a playlist. Forgotten with the connection, and with the salt.
  let known = new WeakMap<object, { readonly agent: string; readonly id: number }>();
  return {
    idOf(request, sessionId, now) {
      if (now - salt.since >= rotateMs || now < salt.since) {
        former = now - salt.since < 2 * rotateMs ? salt.value : undefined;
        salt = { value: randomBytes(16), since: now };
        known = new WeakMap();
      }
      // A minute on, whoever still watches has been seen under the new salt.
      if (former !== undefined && now - salt.since > 60_000) former = undefined;
      const { connection } = request;
      const agent = (request.header('user-agent') ?? '').slice(0, LONGEST_AGENT);
      const isKept = connection !== undefined && sessionId === undefined && former === undefined;
      const before = isKept ? known.get(connection) : undefined;
      if (before?.agent === agent) return { id: before.id, former: undefined };
      // Programs of one kind behind one address count once: better than to keep more of them.
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
