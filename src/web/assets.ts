import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { messageOf, SidepipeError } from '../errors.js';

interface WebAsset {
  readonly body: Uint8Array;
  /** Undefined where compression does not pay. */
  readonly gzip: Uint8Array | undefined;
  readonly contentType: string;
  readonly etag: string;
}

/** What the pages load, all of it in memory. Served under `/assets/{hash}/{file}`, so it can be cached for ever. */
export interface WebAssets {
  /** Of all files together: modules import each other by relative address. */
  readonly hash: string;
  readonly files: ReadonlyMap<string, WebAsset>;
  /** The modules that a page's script imports, by the script's name. */
  readonly imports: ReadonlyMap<string, readonly string[]>;
  /** SVG texts to be put into pages, by name without ending. */
  readonly icons: ReadonlyMap<string, string>;
  readonly modifiedAt: number;
}

// From src/web and from dist/web alike: the package's root is two folders up.
const root = new URL('../../', import.meta.url);
const staticFolder = fileURLToPath(new URL('src/web/static/', root));
const clientFolder = fileURLToPath(new URL('dist/web/assets/', root));

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** Reads everything once. Throws a SidepipeError `internal` that says what is missing and what to run. */
export function loadAssets(folders: { client?: string; static?: string } = {}): WebAssets {
  const client = folders.client ?? clientFolder;
  const statics = folders.static ?? staticFolder;
  const paths = [
    ...listFiles(client, /\.(?:js|txt)$/, 'the bundled client code (run: npm run build)'),
    ...listFiles(statics, /\.css$/, 'the style sheets'),
    ...listFiles(statics, /\.svg$/, 'the icon of the site'),
  ];
  const files = new Map(paths.map((path) => [basename(path), readAsset(path)]));
  const hash = createHash('sha256');
  for (const [name, asset] of files) hash.update(`${name} ${asset.etag}\n`);
  const icons = listFiles(`${statics}/icons`, /\.svg$/, 'the icons of the pages').map(readIcon);
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

/** What the bundler wrote down. */
function readImports(path: string): Map<string, string[]> {
  return new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, string[]>));
}

function missing(folder: string, what: string, cause: unknown): SidepipeError {
  const reason = cause === undefined ? 'there is no such file' : messageOf(cause);
  return new SidepipeError(`the web pages cannot be served: ${what} is not in ${folder}: ${reason}`, {
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
