import { createHash } from 'node:crypto';

/** A strong entity tag for some content, including its quotes. */
export function etagOf(content: string | Uint8Array): string {
  return `"${createHash('sha1').update(content).digest('base64url')}"`;
}
