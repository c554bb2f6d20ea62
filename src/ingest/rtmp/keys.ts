import { createHash, timingSafeEqual } from 'node:crypto';
import { SidepipeError } from '../../errors.js';

function digest(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}

export interface Keyring {
  /**
   * The stream that `candidate` opens: the named one, or the key's own stream if no name is given. Takes constant time for a node's keys,
   * regardless of which one matches or how much of it.
   */
  find(candidate: string, stream?: string): string | undefined;
}

/**
 * All stream keys of a node, hashed in advance, so that an attempt costs one hash regardless of the number of streams. Throws
 * `config-invalid` if two streams share a key, because a key opens exactly one stream, and for an empty key.
 */
export function createKeyring(streams: Iterable<{ readonly name: string; readonly keys: readonly string[] }>): Keyring {
  const entries: { stream: string; digest: Buffer }[] = [];
  const owners = new Map<string, string>();
  for (const { name, keys } of streams) {
    for (const key of keys) {
      const owner = owners.get(key);
      if (key === '' || (owner !== undefined && owner !== name)) {
        const problem = key === '' ? 'has an empty key' : `has the same key as stream "${owner}"`;
        throw new SidepipeError(`Stream "${name}" ${problem}.`, { code: 'config-invalid', fault: 'caller' });
      }
      owners.set(key, name);
      entries.push({ stream: name, digest: digest(key) });
    }
  }
  return {
    find(candidate, stream) {
      const wanted = digest(candidate);
      let found: string | undefined;
      for (const entry of entries) {
        const opens = timingSafeEqual(entry.digest, wanted);
        if (opens && (stream === undefined || stream === entry.stream)) found = entry.stream;
      }
      return found;
    },
  };
}
