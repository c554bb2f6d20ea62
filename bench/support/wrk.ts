import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface LoadOptions {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
}

/** Requests a second that a server answers to wrk over connections that stay. Throws when any answer was not a success. */
export async function loadWithWrk({ url, seconds, connections }: LoadOptions): Promise<number> {
  const { stdout } = await promisify(execFile)('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, url]).catch(
    (error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? new Error('apt-get install wrk first', { cause: error }) : error;
    },
  );
  return parseWrk(stdout);
}

/** The rate in what wrk prints. Throws when it prints of errors. Pure. */
export function parseWrk(output: string): number {
  const errors = /^\s*(?:Non-2xx or 3xx responses|Socket errors):.*$/m.exec(output)?.[0];
  if (errors !== undefined) throw new Error(`wrk saw errors: ${errors.trim()}`);
  const rate = /^Requests\/sec:\s+([\d.]+)$/m.exec(output)?.[1];
  if (rate === undefined) throw new Error('wrk printed no rate');
  return Number(rate);
}
