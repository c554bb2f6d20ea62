import { open, stat } from 'node:fs/promises';
import { SidepipeError } from '../errors.js';
import { notVideoInWords } from './content.js';

/** Rejects an empty file: ffmpeg reports it like any file that is not video. ffmpeg reports all other file errors itself. Throws `source-not-media`. */
export async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isFile() || found.size > 0) return;
  throw new SidepipeError('The source file is empty (0 bytes). Copy it again.', {
    code: 'source-not-media',
    fault: 'source',
    retryable: true,
  });
}

/** Enough for every signature, and to tell text from binary data. */
const HEAD_BYTES = 512;

/** `notVideoInWords` for a file; also undefined if the file cannot be read. */
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
