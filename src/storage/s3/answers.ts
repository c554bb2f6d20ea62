import { SidepipeError } from '../../errors.js';
import type { ObjectInfo } from '../store.js';

export function infoOf(
  key: string,
  {
    Size,
    ETag,
    LastModified,
  }: { Size?: number | undefined; ETag?: string | undefined; LastModified?: Date | undefined },
): ObjectInfo {
  // HEAD has whole seconds, while a listing may have fractions: both must return the same time for an object.
  const seconds = Math.floor((LastModified?.getTime() ?? 0) / 1000);
  return { key, bytes: Size ?? 0, etag: ETag ?? '', modifiedAt: seconds * 1000 };
}

export const vendorCodeOf = (error: unknown): unknown =>
  error instanceof SidepipeError ? error.details['vendorCode'] : undefined;

/** May be a header or a feature that the vendor does not support: neither an outage nor a credentials error. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof SidepipeError) || ['storage-unavailable', 'storage-conflict'].includes(error.code))
    return false;
  return [400, 501].includes(Number(error.details['status']));
}

/** A 404 means that there is no such object, unless the bucket is missing or the response is not from the store. */
export async function absentAsUndefined<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    const absent = error instanceof SidepipeError && error.details['status'] === 404;
    if (absent && error.code !== 'storage-misconfigured' && error.details['foreign'] !== true) return undefined;
    throw error;
  }
}
