import type { Hono } from 'hono';
import { SidepipeError } from '../errors.js';
import type { ImageFormat } from '../stream/types.js';
import { requireAdmin } from './auth.js';
import type { AppContext } from './context.js';
import { notForPages } from './headers.js';
import { unknownStream } from './live.js';
import { type Problem, problemOf, problemResponse } from './problem.js';

const formats: readonly ImageFormat[] = ['jpg', 'webp', 'avif', 'png'];

/** `POST /api/v1/streams/{stream}/snapshot?format=jpg&quality=90`: the next picture at the source's own size. */
export function snapshotRoutes(app: Hono, context: AppContext): void {
  const { streams } = context;
  app.post('/api/v1/streams/:stream/snapshot', requireAdmin(context), async (c) => {
    const refuse = (problem: Problem) => problemResponse({ ...problem, headers: { ...problem.headers } }, c.req.url);
    const name = c.req.param('stream');
    const live = streams.get(name);
    if (live === undefined) return refuse(unknownStream(name));
    try {
      const wanted = wantedOf(c.req.query('format'), c.req.query('quality'));
      const { body, contentType, width, height, capturedAt } = await live.snapshot({
        ...wanted,
        signal: c.req.raw.signal,
      });
      return new Response(body as Uint8Array<ArrayBuffer>, {
        headers: {
          ...notForPages,
          'content-type': contentType,
          'content-length': String(body.byteLength),
          'content-disposition': `inline; filename="${name}-${fileTime(capturedAt)}.${wanted.format}"`,
          'sidepipe-captured-at': new Date(capturedAt).toISOString(),
          'sidepipe-image-state': 'fresh',
          'sidepipe-image-size': `${width}x${height}`,
        },
      });
    } catch (error) {
      const problem = problemOfSnapshot(error);
      if (problem === undefined) throw error;
      return refuse(problem);
    }
  });
}

function wantedOf(format = 'jpg', quality = '90'): { format: ImageFormat; quality: number } {
  const known = formats.find((each) => each === format);
  if (known === undefined) throw invalid('format', `The format must be one of ${formats.join(', ')}.`);
  const number = Number(quality);
  if (!/^\d{1,3}$/.test(quality) || number < 1 || number > 100) {
    throw invalid('quality', 'The quality must be a whole number from 1 to 100.');
  }
  return { format: known, quality: number };
}

function invalid(field: string, message: string): SidepipeError {
  return new SidepipeError(message, { code: 'request-invalid', fault: 'caller', details: { field } });
}

/** Undefined for what is the node's own failure. */
function problemOfSnapshot(error: unknown): Problem | undefined {
  if (!(error instanceof SidepipeError)) return undefined;
  const { code, message } = error;
  const soon = { 'retry-after': '1' };
  switch (code) {
    case 'request-invalid':
      return problemOf(error);
    case 'limit-reached':
      return { status: 429, code: 'too-many-snapshots', title: 'Too many snapshots', detail: message, headers: soon };
    case 'source-unavailable':
    case 'frame-invalid':
    case 'aborted':
      return { status: 503, code: 'no-picture', title: 'No picture', detail: message, headers: soon };
    case 'source-unsupported':
      return { status: 501, code: 'snapshot-unsupported', title: 'No snapshots of this stream', detail: message };
    default:
      return undefined;
  }
}

/** `20270115T080000.123Z`. */
function fileTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[:-]/g, '');
}
