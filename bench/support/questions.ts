import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { QuestionOptions } from './question.js';

export interface KnownQuestion {
  readonly name: string;
  readonly isLong: boolean;
  readonly isSlow: boolean;
}

/** A folder's files that export an answer; others are programs of their own, which must not run because they are looked at. */
export async function knownQuestions(folder: string): Promise<KnownQuestion[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && file !== 'run.ts').sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return files.flatMap((file, index) => {
    const text = texts[index]!;
    if (!/^export (async )?(function|const) run\b/m.test(text)) return [];
    const says = (name: string) => text.includes(`\nexport const ${name} = true;\n`);
    return [{ name: file.slice(0, -'.ts'.length), isLong: says('isLong'), isSlow: says('isSlow') }];
  });
}

/** The names of those that are asked where none is named. Pure. */
export function usualQuestions(known: readonly KnownQuestion[], { quick }: QuestionOptions): string[] {
  return known.filter(({ isLong, isSlow }) => !isLong && !(quick && isSlow)).map(({ name }) => name);
}
