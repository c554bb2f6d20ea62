import { type ErrorCode, messageOf, SidepipeError } from '../../errors.js';

/** The code of a failed system call, such as ENOENT. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

export const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '');

const denied = ['EACCES', 'EPERM', 'EROFS', 'ELOOP'];
/** An obstacle that an operator can remove: a folder in place of a file, a limit on the size of files. */
const refused = ['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY', 'EFBIG'];
/** The name itself is not possible: no change of the directory helps. */
const permanent = ['ENAMETOOLONG', 'EILSEQ'];

/** A failed system call as a `SidepipeError`. Failures that are not known to be permanent (disk, mount, quota) are retryable. */
export function toStorageError(error: unknown, operation: string, key: string): SidepipeError {
  if (error instanceof SidepipeError) return error;
  const system = systemCode(error);
  const code = codeOf(system);
  return new SidepipeError(`${operation} ${key} in the storage directory: ${messageOf(error)}`, {
    code,
    fault: 'storage',
    retryable: code === 'storage-unavailable' || code === 'storage-refused',
    cause: error,
    details: { operation, key, vendorCode: system },
  });
}

function codeOf(system: string | undefined): ErrorCode {
  if (system === undefined || refused.includes(system)) return 'storage-refused';
  if (denied.includes(system)) return 'storage-denied';
  return permanent.includes(system) ? 'storage-failed' : 'storage-unavailable';
}
