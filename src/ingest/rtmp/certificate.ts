import { readFile } from 'node:fs/promises';
import { messageOf, SidepipeError } from '../../errors.js';

/** Reads the PEM files of an RTMPS listener. Throws `config-invalid` with the setting whose file cannot be read. */
export async function readCertificate(files: { cert: string; key: string }): Promise<{ cert: string; key: string }> {
  const read = (setting: 'cert' | 'key') =>
    readFile(files[setting], 'utf8').catch((cause: unknown) => {
      throw new SidepipeError(`rtmps.${setting}: ${messageOf(cause)}`, {
        code: 'config-invalid',
        fault: 'caller',
        cause,
      });
    });
  const [cert, key] = await Promise.all([read('cert'), read('key')]);
  return { cert, key };
}
