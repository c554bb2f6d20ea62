import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runToEnd } from '../../src/ffmpeg/child.js';
import { childEnvironment, passedEnvironment } from '../../src/ffmpeg/environment.js';

it('environment: passes on what loaders, locales and drivers read', () => {
  const wanted = {
    PATH: '/usr/bin',
    LD_LIBRARY_PATH: '/opt/lib',
    LC_ALL: 'C',
    TZ: 'UTC',
    LIBVA_DRIVER_NAME: 'iHD',
    CUDA_VISIBLE_DEVICES: '0',
    MALLOC_ARENA_MAX: '2',
  };
  expect(childEnvironment({ ...wanted, UNSET: undefined })).toEqual(wanted);
});

it('environment: keeps every other variable back, whatever its name says', () => {
  const names = [
    'SIDEPIPE_ADMIN_TOKEN',
    'AWS_SECRET_ACCESS_KEY',
    'S3_SECRET',
    'http_proxy',
    'NODE_OPTIONS',
    'FFREPORT',
  ];
  expect(childEnvironment(Object.fromEntries(names.map((name) => [name, 'secret'])))).toEqual({});
  fc.assert(
    fc.property(fc.constantFrom('SIDEPIPE_', 'AWS_', 'OTEL_', 'R2_', 'PATH_', 'XLC_'), fc.string(), (prefix, rest) => {
      expect(childEnvironment({ [prefix + rest]: 'secret' })).toEqual({});
    }),
  );
});

it('environment: adds the variables that the setting names, and no others', () => {
  const environment = { ROC_ENABLE_PRE_VEGA: '1', AWS_SECRET_ACCESS_KEY: 'secret' };
  expect(passedEnvironment(environment, ['ROC_ENABLE_PRE_VEGA', 'NOT_SET'])).toEqual({ ROC_ENABLE_PRE_VEGA: '1' });
});

it('environment: a child has no secret of the node in /proc', async () => {
  process.env['AWS_SECRET_ACCESS_KEY'] = 'planted-secret';
  const script = `console.log(require('node:fs').readFileSync('/proc/self/environ', 'latin1'))`;
  const seen = await runToEnd({
    path: process.execPath,
    args: ['-e', script],
    timeoutMs: 20_000,
    environment: { ONE: 'more' },
  });
  delete process.env['AWS_SECRET_ACCESS_KEY'];
  expect(seen).toContain('PATH=');
  expect(seen).toContain('ONE=more');
  expect(seen).not.toContain('planted-secret');
});

it("environment: a child gives freed pictures back to the system, unless the node's environment says otherwise", async () => {
  const run = () =>
    runToEnd({
      path: process.execPath,
      args: ['-p', 'process.env.MALLOC_MMAP_THRESHOLD_ + " " + process.env.MALLOC_TRIM_THRESHOLD_'],
      timeoutMs: 20_000,
    });
  expect((await run()).trim()).toBe('1048576 131072');
  process.env['MALLOC_MMAP_THRESHOLD_'] = '65536';
  try {
    expect((await run()).trim()).toBe('65536 131072');
  } finally {
    delete process.env['MALLOC_MMAP_THRESHOLD_'];
  }
});
