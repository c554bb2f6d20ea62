import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import sharp from 'sharp';
import type { StreamConfig } from '../../config/schema/schema.js';
import { messageOf, SidepipeError } from '../../errors.js';

const maxBytes = 20 * 1024 ** 2;

/** Reads all configured offline images, by path. Throws `config-invalid`. */
export async function readOfflineFiles(streams: readonly StreamConfig[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const paths = new Set(streams.map(({ thumbnail }) => thumbnail.offline).filter((offline) => offline !== 'image'));
  const files = [...paths].map(async (path) => [path, await readOfflineFile(resolve(path))] as const);
  return new Map(await Promise.all(files));
}

/** Reads an offline image. Throws `config-invalid` with the path. */
async function readOfflineFile(path: string): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    // Opening a pipe would block, and a device may be endless.
    if (!found.isFile()) throw new Error('it is not a regular file');
    if (found.size > maxBytes) throw new Error('it is larger than 20 MiB');
    const body = await readFile(path);
    // An image that cannot be decoded must be reported now, not when it is needed.
    await sharp(body).resize({ width: 16 }).toBuffer();
    return body;
  } catch (cause) {
    const message = `thumbnail.offline: the image ${path} cannot be used: ${messageOf(cause)}`;
    throw new SidepipeError(message, { code: 'config-invalid', fault: 'caller', cause, details: { path } });
  }
}
