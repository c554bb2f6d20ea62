import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, machineSlug } from './support/machine.js';
import type { Answer, Question } from './support/question.js';
import { type Report, renderMarkdown, renderText } from './support/report.js';

// `npm run bench -- [--quick] [NAME…]`: every file beside this one that answers a question, or the named ones. A whole run is
// written to bench/results/, a partial one only printed.

const folder = dirname(fileURLToPath(import.meta.url));
const say = (text: string) => void process.stdout.write(text);

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const known = await questions();
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  say(`no question named ${unknown.join(', ')}; there are: ${known.join(', ')}\n`);
  process.exit(2);
}

const machine = await describeMachine();
const answers: Record<string, Answer> = {};
const failed: string[] = [];
for (const name of positionals.length > 0 ? positionals : known) {
  const startedAt = performance.now();
  try {
    const question = (await import(pathToFileURL(join(folder, `${name}.ts`)).href)) as Question;
    answers[name] = await question.run({ quick: values.quick });
    say(`${renderText(name, answers[name])}  (${Math.round((performance.now() - startedAt) / 1000)} s)\n\n`);
  } catch (error) {
    failed.push(name);
    say(`${name} failed: ${error instanceof Error ? error.stack : String(error)}\n\n`);
  }
}

if (positionals.length === 0) {
  const report: Report = { machine, quick: values.quick, answers };
  const path = join(folder, 'results', `${machineSlug(machine)}${values.quick ? '-quick' : ''}`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(`${path}.md`, renderMarkdown(report));
  say(`written: bench/results/${machineSlug(machine)}${values.quick ? '-quick' : ''}.json and .md\n`);
}
// What a question left open must not keep the run from ending.
process.exit(failed.length > 0 ? 1 : 0);

/** The files that export an answer; others are programs of their own, which must not run because they are looked at. */
async function questions(): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && file !== 'run.ts').sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return files
    .filter((_, index) => /^export (async )?(function|const) run\b/m.test(texts[index]!))
    .map((file) => file.slice(0, -'.ts'.length));
}
