import { createCipheriv, createDecipheriv, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';

/**
 * Encrypts texts for public places: AES-256-GCM with a key that scrypt derives from a password, so that guessing even a weak
 * password is slow. A modified text, or one encrypted with another password, cannot be decrypted.
 */

const magic = Buffer.from('sidepipe sealed 1\n');
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** 64 MiB and a tenth of a second per guess. */
const COST: ScryptOptions = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 1024 ** 2 };

export interface Seal {
  close(text: string): Promise<Buffer>;
  /** Undefined if it cannot be decrypted. */
  open(sealed: Uint8Array): Promise<string | undefined>;
}

/** A seal with its own salt. It also decrypts texts of other seals with the same password. */
export function createSeal(password: string): Seal {
  const keys = new Map<string, Buffer>();
  const keyOf = async (salt: Buffer) => {
    const name = salt.toString('hex');
    const key = keys.get(name) ?? (await derive(password, salt));
    // Its own key and the last other one: a writer to the store could otherwise grow this cache without limit.
    if (keys.size > 2) keys.clear();
    keys.set(name, key);
    return key;
  };
  const own = randomBytes(SALT_BYTES);
  return {
    async close(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', await keyOf(own), nonce).setAAD(magic);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([magic, own, nonce, cipher.getAuthTag(), body]);
    },
    async open(sealed) {
      const bytes = Buffer.from(sealed);
      const [salt, nonce, tag, body] = parts(bytes.subarray(magic.length));
      if (!bytes.subarray(0, magic.length).equals(magic) || tag.length < TAG_BYTES) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', await keyOf(salt), nonce)
          .setAAD(magic)
          .setAuthTag(tag);
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
      } catch {
        return undefined;
      }
    },
  };
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, COST, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function parts(bytes: Buffer): [salt: Buffer, nonce: Buffer, tag: Buffer, body: Buffer] {
  const ends = [SALT_BYTES, SALT_BYTES + NONCE_BYTES, SALT_BYTES + NONCE_BYTES + TAG_BYTES] as const;
  return [
    bytes.subarray(0, ends[0]),
    bytes.subarray(ends[0], ends[1]),
    bytes.subarray(ends[1], ends[2]),
    bytes.subarray(ends[2]),
  ];
}
