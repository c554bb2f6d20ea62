import { z } from 'zod';
import { SidepipeError } from '../../errors.js';
import { imageFormats } from '../../terms.js';
import { notForPages } from '../response/headers.js';
import { type Problem, problemResponse } from '../response/problem.js';
import { operation } from './operation.js';
import { wholeNumber } from './values.js';

export const takeSnapshot = operation({
  id: 'takeSnapshot',
  method: 'post',
  path: '/api/v1/streams/{stream}/snapshot',
  tag: 'Pictures',
  summary: 'Take a snapshot: the next frame at the full size of the source',
  admin: true,
  query: z.object({
    format: z.enum(imageFormats).default('jpg'),
    quality: wholeNumber(1, 100).default(90),
  }),
  answers: {
    200: {
      description: 'The image.',
      contentType: 'image/*',
      schema: z.any().meta({ type: 'string', contentMediaType: 'image/*' }),
      headers: { 'Sidepipe-Captured-At': 'RFC 3339, with milliseconds.', 'Sidepipe-Image-Size': '`1920x1080`.' },
    },
  },
  refusals: {
    429: 'Too many wrong tokens from this IP address, or too many simultaneous snapshots.',
    501: 'This ffmpeg does not support snapshots of this source.',
    503: 'The stream is not live, or no frame arrived in time.',
  },
  answer: async ({ c, live, query }) => {
    try {
      const { signal } = c.req.raw;
      const { body, contentType, width, height, capturedAt } = await live.snapshot({ ...query, signal });
      return new Response(body as Uint8Array<ArrayBuffer>, {
        headers: {
          ...notForPages,
          'content-type': contentType,
          'content-length': String(body.byteLength),
          'content-disposition': `inline; filename="${live.name}-${fileTime(capturedAt)}.${query.format}"`,
          'sidepipe-captured-at': new Date(capturedAt).toISOString(),
          'sidepipe-image-state': 'fresh',
          'sidepipe-image-size': `${width}x${height}`,
        },
      });
    } catch (error) {
      const problem = problemOfSnapshot(error);
      if (problem === undefined) throw error;
      return problemResponse(problem, c.req.url);
    }
  },
});

/** Undefined for failures of the node. */
function problemOfSnapshot(error: unknown): Problem | undefined {
  if (!(error instanceof SidepipeError)) return undefined;
  const { code, message } = error;
  const soon = { 'retry-after': '1' };
  switch (code) {
    case 'limit-reached':
      return { status: 429, code: 'too-many-snapshots', title: 'Too many snapshots', detail: message, headers: soon };
    case 'source-unavailable':
    case 'frame-invalid':
    case 'aborted':
      return { status: 503, code: 'no-picture', title: 'No frame available', detail: message, headers: soon };
    case 'source-unsupported':
      return { status: 501, code: 'snapshot-unsupported', title: 'Snapshots not supported', detail: message };
    default:
      return undefined;
  }
}

/** `20270115T080000.123Z`. */
function fileTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[:-]/g, '');
}
