import { open } from 'node:fs/promises';
import { type ConfigDocument, readDocument } from './document.js';
import type { ConfigProblem } from './problems.js';
import { isRecord } from './tree.js';

const largestFileBytes = 1024 ** 2;

/** A configuration file, or why there is none. */
export interface ConfigFile {
  readonly document?: ConfigDocument;
  readonly problems: ConfigProblem[];
}

export interface FileOptions {
  readonly path: string;
  readonly name: string;
  readonly required: boolean;
}

/**
 * Reads a YAML file. `name` is how problems call it; a file that is not `required` may be missing.
 */
export async function readConfigFile({ path, name, required }: FileOptions): Promise<ConfigFile> {
  const failed = (message: string): ConfigFile => ({ problems: [{ path: name, message }] });
  let bytes: Buffer;
  try {
    bytes = await readBytes(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return { problems: [] };
    return failed(fileErrors[code ?? ''] ?? `cannot be read (${code ?? 'unknown error'})`);
  }
  if (bytes.length > largestFileBytes) return failed('too large for a configuration: more than 1 MiB');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return failed('not a text in UTF-8');
  }
  if (text.includes('\0')) return failed('not a text file');
  const read = readDocument(text);
  if ('problems' in read) return { problems: read.problems.map((problem) => withName(problem, name)) };
  const { value } = read.document;
  if (value !== null && !isRecord(value)) return failed('expected a mapping such as "http: { port: 8080 }" at the top');
  return { document: read.document, problems: [] };
}

function withName(problem: ConfigProblem, name: string): ConfigProblem {
  return problem.line === undefined && problem.path === '' ? { ...problem, path: name } : problem;
}

const fileErrors: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'is a directory, expected a YAML file',
  EACCES: 'may not be read: permission denied',
  ELOOP: 'symbolic links in a circle',
};

/** Reads at most one byte more than is allowed: a pipe or a device may have no end. */
async function readBytes(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const parts: Buffer[] = [];
    let length = 0;
    while (length <= largestFileBytes) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(64 * 1024));
      if (bytesRead === 0) break;
      parts.push(buffer.subarray(0, bytesRead));
      length += bytesRead;
    }
    return Buffer.concat(parts);
  } finally {
    await handle.close();
  }
}
