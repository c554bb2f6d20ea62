import { open } from 'node:fs/promises';
import { type ConfigDocument, readDocument } from './document.js';
import type { ConfigProblem } from './problems.js';
import { isRecord } from './tree.js';

const largestFileBytes = 1024 ** 2;

/** A configuration file, or the problems that prevent reading it. */
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
 * Reads a YAML file. `name` is the name of the file in problems. A file that is not `required` may be missing.
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
  if (bytes.length > largestFileBytes) return failed('too large: the limit is 1 MiB');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return failed('not valid UTF-8');
  }
  if (text.includes('\0')) return failed('not a text file');
  const read = readDocument(text);
  if ('problems' in read) return { problems: read.problems.map((problem) => withName(problem, name)) };
  const { value } = read.document;
  if (value !== null && !isRecord(value))
    return failed('expected a mapping such as "http: { port: 8080 }" at the top level');
  return { document: read.document, problems: [] };
}

function withName(problem: ConfigProblem, name: string): ConfigProblem {
  return problem.line === undefined && problem.path === '' ? { ...problem, path: name } : problem;
}

const fileErrors: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'is a directory, expected a YAML file',
  EACCES: 'cannot be read: permission denied',
  ELOOP: 'cannot be read: symbolic link loop',
};

/** Stops soon after the limit: a pipe or a device may have no end. */
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
