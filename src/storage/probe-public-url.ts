import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { messageOf } from '../errors.js';
import { readBounded } from '../io/read-bounded.js';

export interface PublicUrlProbe {
  readonly url: string;
  /** The body that was put there. */
  readonly body: Uint8Array;
  readonly fetch: typeof fetch;
  readonly signal?: AbortSignal;
}

async function readStart(body: ReadableStream, limit: number): Promise<Uint8Array> {
  const stream = Readable.fromWeb(body);
  const { bytes, isComplete } = await readBounded(stream, { limit });
  if (!isComplete) stream.destroy();
  return bytes;
}

interface Outcome {
  readonly ok: boolean;
  readonly detail: string;
  readonly remedy?: string;
}

/** Without stalls, a segment takes less. */
const timeoutMs = 30_000;

/** Reads the object like a browser's player on a page of another origin: without credentials, and with CORS required. */
export async function probePublicUrl({ url, body, fetch, signal }: PublicUrlProbe): Promise<Outcome> {
  const patience = AbortSignal.timeout(timeoutMs);
  let response: Response;
  let text: Uint8Array;
  try {
    response = await fetch(url, {
      headers: { origin: 'https://player.example' },
      signal: signal === undefined ? patience : AbortSignal.any([signal, patience]),
    });
    // The server can send an endless body.
    text =
      response.body === null ? new Uint8Array() : await readStart(response.body as ReadableStream, body.length + 1);
  } catch (error) {
    if (signal?.aborted) throw error;
    const reason = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    return { ok: false, detail: `${url}: ${reason}`, remedy: 'check storage.s3.publicUrl: its host does not respond' };
  }
  if (response.status === 401 || response.status === 403) {
    return {
      ok: false,
      detail: `${url}: HTTP ${response.status}`,
      remedy:
        'make the objects publicly readable: a bucket policy with s3:GetObject, a public bucket, or a CDN in front of it',
    };
  }
  if (!response.ok) {
    const remedy = 'check storage.s3.publicUrl: it must include storage.s3.prefix';
    return { ok: false, detail: `${url}: HTTP ${response.status}`, remedy };
  }
  if (!Buffer.from(text).equals(Buffer.from(body))) {
    return {
      ok: false,
      detail: `${url}: another object`,
      remedy: 'check storage.s3.publicUrl: it serves other content',
    };
  }
  if (response.headers.get('access-control-allow-origin') === null) {
    return {
      ok: true,
      detail: 'readable, without CORS',
      remedy: 'players on pages of other origins need a CORS rule on the bucket: GET and HEAD from *',
    };
  }
  return { ok: true, detail: 'publicly readable, with CORS' };
}
