import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { credentialSource } from '../../src/storage/s3/credential-source.js';
import { createS3Store } from '../../src/storage/s3.js';
import type { ObjectStore } from '../../src/storage/store.js';
import { s3ConfigFor } from '../support/s3/config.js';
import { type S3Server, startS3Server } from '../support/s3/server.js';
import { failureOf, objectOf } from './contract.js';

const first = { accessKeyId: 'FIRSTKEYID0000000000', secretAccessKey: 'first-secret-do-not-print' };
const second = { accessKeyId: 'SECONDKEYID000000000', secretAccessKey: 'second-secret-do-not-print' };

describe('keys of the SDK’s chain that are rotated while the node runs', () => {
  const keep = { ...process.env };
  let server: S3Server;
  let folder: string;
  let store: ObjectStore;
  let file: string;

  /** As people and tools do: a new file takes the old one's place. */
  const write = async ({ accessKeyId, secretAccessKey }: typeof first): Promise<void> => {
    const text = `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };

  beforeEach(async () => {
    server = await startS3Server({ credentials: [first, second] });
    folder = await mkdtemp(join(tmpdir(), 'sidepipe-keys-'));
    file = join(folder, 'credentials');
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    process.env['AWS_SHARED_CREDENTIALS_FILE'] = file;
    process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
    await write(first);
    const { accessKeyId: _, secretAccessKey: __, ...config } = s3ConfigFor(server);
    store = await createS3Store(config);
  });
  afterEach(async () => {
    process.env = { ...keep };
    await store.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const deny = (): void =>
    server.faults.add({ fault: { kind: 'error', status: 403, code: 'InvalidAccessKeyId' }, count: 1 });
  const keysUsed = (): string[] =>
    server.log.map(({ headers }) => /Credential=([^/]+)/.exec(headers['authorization'] ?? '')?.[1] ?? 'none');

  it('are found by the denial, and the same call succeeds', async () => {
    await store.put(objectOf('a'));
    await write(second);
    deny();
    await store.put(objectOf('b'));
    expect(keysUsed()).toEqual([first.accessKeyId, first.accessKeyId, second.accessKeyId]);
  });

  it('are found when somebody says so, before anything is denied', async () => {
    await store.put(objectOf('a'));
    await write(second);
    await store.renewCredentials?.();
    await store.put(objectOf('b'));
    expect(keysUsed()).toEqual([first.accessKeyId, second.accessKeyId]);
  });

  it('are not looked for at each denial, and the remedy names the file in use', async () => {
    server.faults.add({ fault: { kind: 'error', status: 403, code: 'InvalidAccessKeyId' } });
    for (let i = 0; i < 5; i += 1) {
      const failure = await failureOf(store.put(objectOf('a')));
      expect(failure.code).toBe('storage-denied');
      expect(failure.message).toContain(`${file} (AWS_SHARED_CREDENTIALS_FILE)`);
      expect(failure.message).not.toContain('storage.s3.accessKeyId');
      expect(failure.message).not.toContain(first.secretAccessKey);
    }
    // Nothing has changed in the file: no call was repeated.
    expect(server.log).toHaveLength(5);
  });

  it('survive a file that is gone for a moment', async () => {
    await store.put(objectOf('a'));
    await rm(file);
    deny();
    expect((await failureOf(store.put(objectOf('b')))).code).toBe('storage-denied');
    await store.put(objectOf('b'));
  });
});

describe('the remedy for denied credentials', () => {
  const env = { HOME: '/home/me' };

  it.each([
    [{ accessKeyId: 'x' }, {}, undefined, 'storage.s3.accessKeyId and storage.s3.secretAccessKey'],
    [{ accessKeyId: 'x', sessionToken: 'y' }, {}, undefined, 'storage.s3.sessionToken'],
    [{}, {}, 'CREDENTIALS_ENV_VARS', 'AWS_ACCESS_KEY_ID'],
    [{}, {}, 'CREDENTIALS_PROFILE', 'the profile default in /home/me/.aws/credentials'],
    [{}, { AWS_PROFILE: 'live' }, 'CREDENTIALS_PROFILE', 'the profile live'],
    [{}, { AWS_SHARED_CREDENTIALS_FILE: '/k' }, 'CREDENTIALS_PROFILE', '/k (AWS_SHARED_CREDENTIALS_FILE)'],
    [{}, {}, 'CREDENTIALS_SSO', 'aws sso login'],
    [{}, { AWS_WEB_IDENTITY_TOKEN_FILE: '/t' }, 'CREDENTIALS_ENV_VARS_STS_WEB_ID_TOKEN', '/t'],
    [{}, {}, 'CREDENTIALS_HTTP', 'the role of the container'],
    [{}, {}, 'CREDENTIALS_IMDS', 'the role of the instance'],
    [{}, {}, undefined, '/home/me/.aws/credentials'],
  ])('of %j with %j found by %s names %s', (config, more, found, expected) => {
    const source = credentialSource(config, { ...env, ...more }, found === undefined ? undefined : { [found]: 'x' });
    expect(source.what).toContain(expected);
    expect(source.isChain).toBe(!('accessKeyId' in config));
  });
});
