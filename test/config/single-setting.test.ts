import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Field } from '../../src/config/fields.js';
import { checkConfig, fields, parseConfig } from '../../src/config/parse.js';
import { plain } from '../../src/config/plain.js';
import { formatPath } from '../../src/config/problems.js';
import { isRecord, withValue } from '../../src/config/tree.js';
import { nameOf } from './reference.js';

/** Changing any one setting to any value that it may have leaves a configuration that a node takes. */

type Type = 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';

interface JsonSchema {
  readonly type?: Type | readonly Type[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
}

const jsonSchemaOf = ({ schema }: Field) => z.toJSONSchema(plain(schema), { io: 'input' }) as JsonSchema;

/** Values of a setting, from its own schema: a new setting is covered as soon as there is one. */
function valuesOf(field: Field): fc.Arbitrary<unknown> {
  return fromJsonSchema(jsonSchemaOf(field)).filter((value) => field.schema.safeParse(value).success);
}

/** The values that are most likely to contradict another setting. */
function boundsOf(field: Field): unknown[] {
  const { minimum, maximum, enum: words = [] } = jsonSchemaOf(field);
  return [minimum, maximum, ...words].filter((value) => value !== undefined && field.schema.safeParse(value).success);
}

function fromJsonSchema(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(fromJsonSchema));
  if (Array.isArray(schema.type)) {
    return fc.oneof(...(schema.type as Type[]).map((type) => fromJsonSchema({ ...schema, type })));
  }
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return numbers(schema);
    case 'string':
      return texts(schema);
    case 'array': {
      const { items = {}, minItems = 0, maxItems = 3 } = schema;
      // Two sizes or keys of one name are a wrong list, not a wrong setting beside it.
      return fc.uniqueArray(fromJsonSchema(items), { minLength: minItems, maxLength: Math.min(3, maxItems) });
    }
    case 'object':
      return fc.constant({ 'x-team': 'cameras' });
    default:
      throw new Error(`no values for ${JSON.stringify(schema)}`);
  }
}

function numbers({ type, minimum, exclusiveMinimum, maximum, multipleOf = 1 }: JsonSchema): fc.Arbitrary<unknown> {
  const least = minimum ?? (exclusiveMinimum === undefined ? 0 : exclusiveMinimum + 0.001);
  const most = maximum ?? 1e9;
  if (type !== 'integer') return fc.double({ min: least, max: most, noNaN: true });
  const steps = fc.integer({ min: Math.ceil(least / multipleOf), max: Math.floor(most / multipleOf) });
  return steps.map((each) => each * multipleOf);
}

function texts({ pattern, format, minLength = 0, maxLength = 80 }: JsonSchema): fc.Arbitrary<string> {
  if (format === 'uri') return fc.webUrl({ validSchemes: ['http', 'https'] });
  if (format === 'ipv4') return fc.ipV4();
  if (format === 'ipv6') return fc.ipV6();
  if (format === 'cidrv4') return fc.tuple(fc.ipV4(), fc.nat(32)).map(([address, bits]) => `${address}/${bits}`);
  if (format === 'cidrv6') return fc.tuple(fc.ipV6(), fc.nat(128)).map(([address, bits]) => `${address}/${bits}`);
  if (format !== undefined) throw new Error(`no texts of the format ${format}`);
  if (pattern === undefined) {
    // Of what is no plain text (`64MiB`), the filter would find none.
    return fc.oneof(
      fc.constant('64MiB'),
      fc.string({ minLength: Math.max(1, minLength), maxLength: Math.min(maxLength, minLength + 20) }),
    );
  }
  // The filter makes up for the lookaheads, which no generator knows.
  return fc.stringMatching(new RegExp(pattern.replaceAll(/\(\?!.*?\)(?=\(|\[)/g, '')));
}

type Tree = Record<string, unknown>;

const bucket = { bucket: 'live' };
const key = { id: 'a', secret: 'a'.repeat(32) };
const webhook = { url: 'https://hooks.example.org/', secret: 'a'.repeat(16) };
const stream = { name: 'cam', source: 'test' };

/** Where a setting has its place: mappings and lists that have members which only the user knows. Undefined: always there. */
const places: readonly (readonly [below: string, place: Tree])[] = [
  ['streams.*.renditions', { streams: [{ ...stream, renditions: [{}] }] }],
  ['streams.*.thumbnail.sizes', { streams: [{ ...stream, thumbnail: { sizes: [{ width: 333 }] } }] }],
  ['streams.*.playback.keys', { streams: [{ ...stream, playback: { keys: [key] } }] }],
  ['alerts.webhooks', { alerts: { webhooks: [webhook] } }],
  ['playback.keys', { playback: { keys: [key] } }],
  ['webrtc.iceServers', { webrtc: { iceServers: [{ url: 'turn:turn.example.org' }] } }],
  ['rtmps', { rtmps: { port: 1936, cert: 'cert.pem', key: 'key.pem' } }],
  [
    'storage.fallback',
    { storage: { type: 's3', s3: bucket, fallback: { type: 's3', s3: bucket, directory: { path: 'x' } } } },
  ],
  ['storage.s3', { storage: { type: 's3', s3: bucket } }],
  ['storage.directory', { storage: { type: 'directory', directory: { path: 'x' } } }],
];

const store = { storage: { type: 's3', s3: bucket } };
const pair = { accessKeyId: 'a', secretAccessKey: 'b' };

/**
 * Settings that mean nothing without another one which no node can guess: a secret, a name, an address. Without it the error is
 * at one of `named`; beside `companion` every value is right.
 */
const companions: Readonly<Record<string, { readonly named: readonly string[]; readonly companion: Tree }>> = {
  'storage.type': {
    named: ['storage.s3', 'storage.directory'],
    companion: { storage: { s3: bucket, directory: { path: 'x' } } },
  },
  'storage.required': { named: ['storage.required'], companion: store },
  'storage.s3.accessKeyId': { named: ['storage.s3.secretAccessKey'], companion: { storage: { s3: pair } } },
  'storage.s3.secretAccessKey': { named: ['storage.s3.accessKeyId'], companion: { storage: { s3: pair } } },
  'storage.s3.sessionToken': { named: ['storage.s3.sessionToken'], companion: { storage: { s3: pair } } },
  'storage.s3.vendor': {
    named: ['storage.s3.endpoint'],
    companion: { storage: { s3: { endpoint: 'https://s3.example.org' } } },
  },
  'storage.fallback.s3.accessKeyId': {
    named: ['storage.fallback.s3.secretAccessKey'],
    companion: { storage: { fallback: { s3: pair } } },
  },
  'storage.fallback.s3.secretAccessKey': {
    named: ['storage.fallback.s3.accessKeyId'],
    companion: { storage: { fallback: { s3: pair } } },
  },
  'storage.fallback.s3.sessionToken': {
    named: ['storage.fallback.s3.sessionToken'],
    companion: { storage: { fallback: { s3: pair } } },
  },
  'storage.fallback.s3.vendor': {
    named: ['storage.fallback.s3.endpoint'],
    companion: { storage: { fallback: { s3: { endpoint: 'https://s3.example.org' } } } },
  },
  'state.store': { named: ['state.store', 'admin.token'], companion: { ...store, admin: { token: 'a'.repeat(16) } } },
  'playback.access': { named: ['playback.keys'], companion: { playback: { keys: [key] } } },
  'streams[n].playback.access': {
    named: ['streams[0].playback.keys'],
    companion: { playback: { keys: [key] } },
  },
  'streams[n].source': { named: ['streams[0].keys'], companion: {} },
  'streams[n].keys': { named: ['streams[0].keys'], companion: { streams: [{ source: 'push' }] } },
  'streams[n].thumbnail.sequence.mode': { named: ['streams[0].thumbnail.sequence.mode'], companion: store },
  'streams[n].device.width': {
    named: ['streams[0].device.height'],
    companion: { streams: [{ device: { height: 480 } }] },
  },
  'streams[n].device.height': {
    named: ['streams[0].device.width'],
    companion: { streams: [{ device: { width: 640 } }] },
  },
};

/** Two configurations as one; what stands in both is the second's. */
function merged(one: unknown, other: unknown): unknown {
  if (Array.isArray(one) && Array.isArray(other)) {
    return Array.from({ length: Math.max(one.length, other.length) }, (_, at) => merged(one[at], other[at]));
  }
  if (!isRecord(one) || !isRecord(other)) return other === undefined ? one : other;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...names].map((name) => [name, merged(one[name], other[name])]));
}

function placeOf({ path }: Field): Tree {
  const name = path.join('.');
  const [, place = {}] = places.find(([below]) => name.startsWith(`${below}.`)) ?? [];
  return merged({ streams: [stream] }, place) as Tree;
}

const positions = ({ path }: Field) => path.map((part) => (part === '*' ? 0 : part));

function problemsOf(config: unknown): string[] {
  return checkConfig(config).findings.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

describe.each(['standard', 'edge'])('in the profile %s', (profile) => {
  it.each(fields.map((field) => [nameOf(field), field] as const))('%s may be set alone to any value', (name, field) => {
    const base = { profile, ...placeOf(field) };
    const { named = [], companion = {} } = companions[name] ?? {};
    expect(problemsOf(base)).toEqual([]);
    fc.assert(
      fc.property(valuesOf(field), (value) => {
        const alone = withValue(base, positions(field), value);
        // Nothing is asked for that is not in the table.
        expect(problemsOf(alone).filter((problem) => !named.some((each) => problem.startsWith(`${each}: `)))).toEqual(
          [],
        );
        const beside = withValue(merged(base, companion), positions(field), value);
        if (value !== 'push' || name !== 'streams[n].source') expect(problemsOf(beside)).toEqual([]);
      }),
      { numRuns: 12 + boundsOf(field).length, examples: boundsOf(field).map((value) => [value]) },
    );
  });
});

it('the table of companions has no entry that is not needed', () => {
  for (const [name, { named }] of Object.entries(companions)) {
    const field = fields.find((each) => nameOf(each) === name)!;
    const asksFor = (value: unknown) =>
      problemsOf(withValue(placeOf(field), positions(field), value)).some((problem) =>
        named.some((each) => problem.startsWith(`${each}: `)),
      );
    const values = [...fc.sample(valuesOf(field), { numRuns: 50, seed: 1 }), 'push'];
    expect(values.some(asksFor), name).toBe(true);
  }
});

describe('ages of a picture', () => {
  const thumbnailOf = (thumbnail: object, profile = 'standard') =>
    parseConfig({ profile, streams: [{ ...stream, thumbnail }] }).streams[0]!.thumbnail;

  it.each([
    ['standard', {}, [5, 20, 300]],
    ['standard', { intervalSeconds: 2 }, [2, 20, 300]],
    ['standard', { intervalSeconds: 20 }, [20, 60, 300]],
    ['standard', { intervalSeconds: '20' }, [20, 60, 300]],
    ['standard', { intervalSeconds: 3600 }, [3600, 10_800, 21_600]],
    ['standard', { staleAfterSeconds: 6 }, [5, 6, 300]],
    ['standard', { staleAfterSeconds: 5 }, [1.6, 5, 300]],
    ['standard', { staleAfterSeconds: 0.2 }, [0.1, 0.2, 300]],
    ['standard', { staleAfterSeconds: 500 }, [5, 500, 1000]],
    ['standard', { staleAfterSeconds: 86_400 }, [5, 86_400, 86_400]],
    ['standard', { offlineAfterSeconds: 10 }, [5, 10, 10]],
    ['standard', { offlineAfterSeconds: 3 }, [1, 3, 3]],
    ['standard', { gate: { holdSeconds: 60 } }, [5, 70, 300]],
    ['edge', {}, [10, 30, 300]],
    ['edge', { staleAfterSeconds: 8 }, [2.6, 8, 300]],
    ['edge', { intervalSeconds: 2 }, [2, 20, 300]],
  ])('%s, %j: interval, stale and offline are %j', (profile, given, expected) => {
    const { intervalSeconds, staleAfterSeconds, offlineAfterSeconds } = thumbnailOf(given, profile);
    expect([intervalSeconds, staleAfterSeconds, offlineAfterSeconds]).toEqual(expected);
  });

  it('an error names settings that were written, never one that was derived', () => {
    const interval = fc.double({ min: 0.1, max: 3600, noNaN: true });
    const age = fc.double({ min: 0.2, max: 86_400, noNaN: true });
    const written = fc.record(
      { intervalSeconds: interval, staleAfterSeconds: age, offlineAfterSeconds: age, holdSeconds: interval },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.constantFrom('standard', 'edge'), written, (profile, { holdSeconds, ...ages }) => {
        const thumbnail = { ...ages, ...(holdSeconds !== undefined && { gate: { holdSeconds } }) };
        const names = [...Object.keys(ages), ...(holdSeconds === undefined ? [] : ['holdSeconds'])];
        const { config, findings } = checkConfig({ profile, streams: [{ ...stream, thumbnail }] });
        for (const { path, message } of findings) {
          expect(names).toContain(path.at(-1));
          // The other one: what it contradicts.
          expect(names.filter((name) => name !== path.at(-1)).some((name) => message.includes(name))).toBe(true);
        }
        if (names.length < 2) expect(findings).toEqual([]);
        // Written ones stay; read again, all stay.
        if (config === undefined) return;
        expect(config.streams[0]!.thumbnail).toMatchObject(thumbnail);
        expect(parseConfig(config)).toEqual(config);
      }),
      { numRuns: 2000 },
    );
  });
});

it('limits of the guard follow each other, and name each other where both are set', () => {
  const guard = (given: object) => parseConfig({ guard: given }).guard;
  expect(guard({ slow: { cpu: 1 } }).refuse.cpu).toBe(1);
  expect(guard({ refuse: { loadPerCore: 1 } }).slow.loadPerCore).toBe(1);
  expect(guard({ slow: { memoryAvailable: 0.01 } }).refuse.memoryAvailable).toBe(0.01);
  expect(guard({ refuse: { memoryAvailable: 0.5 } }).slow.memoryAvailable).toBe(0.5);
  expect(problemsOf({ guard: { slow: { cpu: 1 }, refuse: { cpu: 0.5 } } })).toEqual([
    'guard.refuse.cpu: must not be less than guard.slow.cpu (1)',
  ]);
});
