import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { messageOf, SidepipeError } from '../errors.js';

const maxBytes = 20 * 1024 ** 2;

/** Reads a picture that is to be shown where there is none. Throws `config-invalid` that names the path. */
export async function readOfflineFile(path: string): Promise<Uint8Array> {
  try {
    const body = await readFile(path);
    if (body.byteLength > maxBytes) throw new Error('it is larger than 20 MiB');
    // A picture that cannot be decoded must not be found out when it is needed.
    await sharp(body).resize({ width: 16 }).toBuffer();
    return body;
  } catch (cause) {
    const message = `The offline picture ${path} cannot be used: ${messageOf(cause)}`;
    throw new SidepipeError(message, { code: 'config-invalid', fault: 'caller', cause, details: { path } });
  }
}
