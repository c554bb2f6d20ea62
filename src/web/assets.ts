import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { messageOf, SidepipeError } from '../errors.js';

interface WebAsset {
  readonly body: Uint8Array;
  /** Undefined if compression does not pay off. */
  readonly gzip: Uint8Array | undefined;
  readonly contentType: string;
  readonly etag: string;
}

/** All files that the pages load, held in memory. Served under `/assets/{hash}/{file}`, so clients can cache them forever. */
export interface WebAssets {
  /** Covers all files: modules import each other by relative URL. */
  readonly hash: string;
  readonly files: ReadonlyMap<string, WebAsset>;
  /** The modules that each page's script imports, by script name. */
  readonly imports: ReadonlyMap<string, readonly string[]>;
  /** SVG sources to inline in pages, by file name without extension. */
  readonly icons: ReadonlyMap<string, string>;
  readonly modifiedAt: number;
}

// The package root is two folders up from both src/web and dist/web.
const root = new URL('../../', import.meta.url);
const staticFolder = fileURLToPath(new URL('src/web/static/', root));
const clientFolder = fileURLToPath(new URL('dist/web/assets/', root));

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** Reads everything once. Throws a SidepipeError `internal` that names the missing files and the command to run. */
export function loadAssets(folders: { client?: string; static?: string } = {}): WebAssets {
  const client = folders.client ?? clientFolder;
  const statics = folders.static ?? staticFolder;
  const paths = [
    ...listFiles(client, /\.(?:js|txt)$/, 'client bundle (run: npm run build)'),
    ...listFiles(statics, /\.css$/, 'style sheets'),
    ...listFiles(statics, /\.svg$/, 'favicon'),
  ];
  const files = new Map(paths.map((path) => [basename(path), readAsset(path)]));
  const hash = createHash('sha256');
  for (const [name, asset] of files) hash.update(`${name} ${asset.etag}\n`);
  const icons = listFiles(`${statics}/icons`, /\.svg$/, 'icons').map(readIcon);
  return {
    hash: hash.digest('hex').slice(0, 16),
    files,
    imports: readImports(`${client}/imports.json`),
    icons: new Map(icons),
    modifiedAt: Date.now(),
  };
}

function listFiles(folder: string, ending: RegExp, what: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => ending.test(name));
    if (names.length > 0) return names.sort().map((name) => `${folder}/${name}`);
  } catch (error) {
    throw missing(folder, what, error);
  }
  throw missing(folder, what, undefined);
}

/** Written by the bundler. */
function readImports(path: string): Map<string, string[]> {
  return new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, string[]>));
}

function missing(folder: string, what: string, cause: unknown): SidepipeError {
  const reason = cause === undefined ? 'no such file' : messageOf(cause);
  return new SidepipeError(`cannot serve the web pages: ${what} not found in ${folder}: ${reason}`, {
    code: 'internal',
    fault: 'node',
    cause,
    details: { folder },
  });
}

function readAsset(path: string): WebAsset {
  const body = readFileSync(path);
  const gzip = gzipSync(body, { level: 9 });
  return {
    body,
    gzip: gzip.byteLength < body.byteLength * 0.9 ? gzip : undefined,
    contentType: contentTypes[extname(path)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(body).digest('hex').slice(0, 24)}"`,
  };
}

function readIcon(path: string): [string, string] {
  return [basename(path, '.svg'), readFileSync(path, 'utf8').trim()];
}
