import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import sharp from 'sharp';
import type { StreamConfig } from '../../config/schema/schema.js';
import { messageOf, SidepipeError } from '../../errors.js';

const maxBytes = 20 * 1024 ** 2;

/** The pictures that stand in for missing ones, by their paths. Throws `config-invalid`. */
export async function readOfflineFiles(streams: readonly StreamConfig[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const paths = new Set(streams.map(({ thumbnail }) => thumbnail.offline).filter((offline) => offline !== 'image'));
  const files = [...paths].map(async (path) => [path, await readOfflineFile(resolve(path))] as const);
  return new Map(await Promise.all(files));
}

/** Reads a picture that is to be shown where there is none. Throws `config-invalid` that names the path. */
async function readOfflineFile(path: string): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    // A pipe would be waited for, and a device may have no end.
    if (!found.isFile()) throw new Error('it is no file');
    if (found.size > maxBytes) throw new Error('it is larger than 20 MiB');
    const body = await readFile(path);
    // A picture that cannot be decoded must not be found out when it is needed.
    await sharp(body).resize({ width: 16 }).toBuffer();
    return body;
  } catch (cause) {
    const message = `thumbnail.offline: the picture ${path} cannot be used: ${messageOf(cause)}`;
    throw new SidepipeError(message, { code: 'config-invalid', fault: 'caller', cause, details: { path } });
  }
}
