import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Those of some programs that this machine does not have. They are started with `-v` to find out. */
export async function missingOf(programs: readonly string[]): Promise<string[]> {
  const isMissing = async (program: string) => {
    const error = await promisify(execFile)(program, ['-v']).then(
      () => undefined,
      (cause: NodeJS.ErrnoException) => cause,
    );
    return error?.code === 'ENOENT';
  };
  const missing = await Promise.all(programs.map(isMissing));
  return programs.filter((_, index) => missing[index]);
}
