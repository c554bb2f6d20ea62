import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { signatureHeaders } from '../../src/alerts/signature.js';
import { checkPlayback } from '../../src/http/access/playback-token.js';
import { blocksOf, readPage } from '../docs/page.js';

/** Examples of docs/ that need more than Node.js: a shell with openssl, and Python. */

const run = promisify(execFile);

it('docs/security.md signs in a shell as the node does', async () => {
  const [script = ''] = blocksOf(readPage('docs/security.md'), 'sh');
  const secret = 'a-secret-of-at-least-32-characters';
  const { stdout } = await run('sh', ['-c', script], { env: { ...process.env, SECRET: secret } });
  const token = new URL(stdout.trim()).searchParams.get('token')!;
  const keys = [{ id: '2026-11', secret }];
  expect(checkPlayback(token, { keys, stream: 'front-door', now: Date.now() })).toMatchObject({ ok: true });
  expect(checkPlayback(token, { keys, stream: 'yard', now: Date.now() })).toMatchObject({ ok: false });
});

it('docs/monitoring.md verifies webhooks in Python', async () => {
  const [definition = ''] = blocksOf(readPage('docs/monitoring.md'), 'python');
  const secret = 'at-least-sixteen-characters';
  const body = JSON.stringify({ stream: 'höf' });
  const signed = signatureHeaders({ secret, body, timestamp: 1_800_000_000 });
  const headers = Object.entries(signed).map(([name, value]) => [
    name.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase()),
    value,
  ]);
  const program = `${definition}
import json, sys
secret, headers, body = json.load(sys.stdin)
given = (body.encode(), body.encode() + b" ")
print([is_genuine(secret, dict(headers), each, now) for each in given for now in (1800000000, 1800000301)])
`;
  const python = run('python3', ['-c', program]);
  python.child.stdin!.end(JSON.stringify([secret, headers, body]));
  expect((await python).stdout.trim()).toBe('[True, False, False, False]');
});
