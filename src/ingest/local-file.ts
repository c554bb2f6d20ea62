import { open, stat } from 'node:fs/promises';
import { SidepipeError } from '../errors.js';
import { notVideoInWords } from './content.js';

/** Of an empty file ffmpeg says no more than of one that is no video. What else is wrong with a file it says itself. Throws `source-not-media`. */
export async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isFile() || found.size > 0) return;
  throw new SidepipeError('the source file is empty (0 bytes): copy it again', {
    code: 'source-not-media',
    fault: 'source',
    retryable: true,
  });
}

/** More than enough for any of the marks, and for text to be told from other bytes. */
const HEAD_BYTES = 512;

/** `notVideoInWords` of a file; undefined also where it cannot be read. */
export async function fileInWords(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return notVideoInWords(buffer.subarray(0, bytesRead));
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}
