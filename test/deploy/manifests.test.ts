import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { createNode } from '../../src/node/node.js';

const read = (name: string) => readFile(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');

interface Manifest {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template?: { readonly spec: PodSpec };
    readonly ports?: readonly { readonly targetPort: string }[];
  };
}

interface PodSpec {
  readonly containers: readonly [
    {
      readonly image: string;
      readonly args: readonly string[];
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
      readonly startupProbe: Probe;
      readonly livenessProbe: Probe;
      readonly readinessProbe: Probe;
      readonly volumeMounts: readonly { readonly mountPath: string }[];
    },
  ];
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

async function kubernetes() {
  const documents = parseAllDocuments(await read('kubernetes/sidepipe.yaml'));
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const manifests = documents.map((each) => each.toJS() as Manifest);
  const of = (kind: string) => manifests.find((each) => each.kind === kind)!;
  const [container] = of('Deployment').spec!.template!.spec.containers;
  return { of, container };
}

async function config(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'sidepipe-deploy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const [file] = Object.keys(files);
  return loadConfig({ env, flags: {}, cwd: folder, ...(file !== undefined && { file }) });
}

it('the Kubernetes manifest has a valid configuration, and ports and mounts that match it', async () => {
  const { of, container } = await kubernetes();
  const loaded = await config(of('ConfigMap').data!, of('Secret').stringData!);
  expect(loaded.streams).toHaveLength(1);
  expect(loaded.storage.s3?.secretAccessKey).toBe('change-me');
  const ports = Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort]));
  expect(ports).toEqual({ http: loaded.http.port, rtmp: loaded.rtmp.port });
  for (const { targetPort } of of('Service').spec!.ports!) expect(ports).toHaveProperty(targetPort);
  const [mount] = container.volumeMounts;
  expect(container.args).toEqual(['serve', '--config', `${mount!.mountPath}/${Object.keys(of('ConfigMap').data!)[0]}`]);
});

it('the image and the manifest have the version of the package', async () => {
  const { version } = JSON.parse(await read('../package.json')) as { version: string };
  expect(await read('../Dockerfile')).toContain(`LABEL org.opencontainers.image.version="${version}"\n`);
  const { container } = await kubernetes();
  expect(container.image).toBe(`sidepipe:${version}`);
});

it('one bad camera neither restarts the pod nor removes it from the Service', async () => {
  const { container } = await kubernetes();
  const streams = [
    { name: 'good', source: 'test' },
    { name: 'bad', source: '/no/such/file.mp4' },
  ];
  const node = createNode({ streams, log: { level: 'silent' } }, { listen: false });
  onTestFinished(() => node.close());
  const statusOf = async (path: string) => (await node.fetch(new Request(`http://node${path}`))).status;
  const { startupProbe, livenessProbe, readinessProbe } = container;
  expect(await statusOf(livenessProbe.httpGet.path)).toBe(200);
  expect(await statusOf(readinessProbe.httpGet.path), 'before the start').toBe(503);
  await node.start();
  await vi.waitFor(() => expect(node.streams.get('bad')?.state).toBe('failed'), { timeout: 60_000 });
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
    expect(probe.httpGet.port).toBe('http');
    expect(await statusOf(probe.httpGet.path)).toBe(200);
  }
  expect(await statusOf('/readyz?streams=all')).toBe(503);
  await node.close();
  expect(await statusOf(readinessProbe.httpGet.path), 'after the end').toBe(503);
});

it('one bad camera does not make a container unhealthy', async () => {
  const { services } = parse(await read('docker-compose.yml'), { merge: true }) as Compose;
  const image = /^HEALTHCHECK .*$/m.exec(await read('../Dockerfile'))![0];
  for (const check of [image, services['sidepipe']!.healthcheck!.test.join(' ')]) {
    expect(check).toContain('/healthz');
    expect(check).not.toContain('/readyz');
  }
});

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly environment?: Readonly<Record<string, string>>;
        readonly ports?: readonly string[];
        readonly volumes?: readonly string[];
        readonly depends_on?: Readonly<Record<string, unknown>>;
        readonly read_only?: boolean;
        readonly healthcheck?: { readonly test: readonly string[] };
      }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

it('the Compose file has valid settings, and services that refer to each other', async () => {
  const { services, volumes } = parse(await read('docker-compose.yml'), { merge: true }) as Compose;
  const loaded = await config({}, services['sidepipe']!.environment!);
  expect(loaded.streams.map(({ name, source }) => [name, source])).toEqual([
    ['studio', 'push'],
    ['demo', 'test'],
  ]);
  expect(services['sidepipe']!.ports).toEqual([
    `127.0.0.1:${loaded.http.port}:8080`,
    `127.0.0.1:${loaded.rtmp.port}:1935`,
  ]);
  // Its passwords are known to everyone.
  for (const port of Object.values(services).flatMap(({ ports = [] }) => ports)) expect(port).toMatch(/^127\.0\.0\.1:/);
  const state = services['sidepipe']!.volumes![0]!.split(':')[1]!;
  expect(loaded.state.file).toBe(`${state}/streams.json`);
  expect(await read('../Dockerfile')).toContain(`install -d -o node -g node ${state}\n`);
  expect(services['sidepipe']!.read_only).toBe(true);
  expect(services).toHaveProperty(new URL(loaded.storage.s3!.endpoint!).hostname);
  expect(services['store']!.environment).toEqual({
    MINIO_ROOT_USER: loaded.storage.s3!.accessKeyId,
    MINIO_ROOT_PASSWORD: loaded.storage.s3!.secretAccessKey,
  });
  for (const { depends_on = {}, volumes: mounts = [] } of Object.values(services)) {
    for (const name of Object.keys(depends_on)) expect(services).toHaveProperty([name]);
    for (const [source = ''] of mounts.map((mount) => mount.split(':'))) {
      if (source.startsWith('./')) expect(await read(source.slice(2))).not.toBe('');
      else expect(volumes).toHaveProperty([source]);
    }
  }
  const prometheus = parse(await read('prometheus/prometheus.yml')) as {
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  expect(prometheus.scrape_configs[0]!.static_configs[0]!.targets).toEqual([`sidepipe:${loaded.http.port}`]);
});
