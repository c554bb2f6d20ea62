import { type ErrorCode, messageOf, SidepipeError } from '../../errors.js';

/** The code of a failed system call, such as ENOENT. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

export const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '');

/** What passes by itself: a full disk empties with the cleanup, a mount comes back. */
const passing = ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'EBUSY', 'ESTALE', 'EAGAIN', 'ETIMEDOUT', 'ENOENT'];
const denied = ['EACCES', 'EPERM', 'EROFS', 'ELOOP'];

/** A system call's failure in the words of the project. */
export function toStorageError(error: unknown, operation: string, key: string): SidepipeError {
  if (error instanceof SidepipeError) return error;
  const system = systemCode(error);
  const code: ErrorCode = passing.includes(system ?? '')
    ? 'storage-unavailable'
    : denied.includes(system ?? '')
      ? 'storage-denied'
      : 'storage-failed';
  return new SidepipeError(`${operation} ${key} in the storage directory: ${messageOf(error)}`, {
    code,
    fault: 'storage',
    retryable: code === 'storage-unavailable',
    cause: error,
    details: { operation, key, vendorCode: system },
  });
}
