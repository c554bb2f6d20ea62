import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { currentLoad, describeMachine, machineSlug } from './support/machine.js';
import type { Question } from './support/question.js';
import { mergeReports, type Report, renderMarkdown, renderText } from './support/report.js';

// `npm run bench -- [--quick] [NAME…]`: every file beside this one that answers a question, or the named ones. The answers go
// into bench/results/, as JSON and Markdown, in the place of older ones from this machine. Quick ones have files of their own.

const folder = dirname(fileURLToPath(import.meta.url));
const say = (text: string) => void process.stdout.write(text);

process.exit(await main());

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { quick: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const known = await questions();
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    say(`no question named ${unknown.join(', ')}; there are: ${known.join(', ')}\n`);
    return 2;
  }
  const { quick } = values;
  const { answers, failed } = await ask(positionals.length > 0 ? positionals : known, quick);
  await save(answers, quick);
  return failed ? 1 : 0;
}

async function ask(names: readonly string[], quick: boolean) {
  const { date, commit } = await describeMachine();
  const answers: Record<string, Report['answers'][string]> = {};
  let failed = false;
  for (const name of names) {
    const startedAt = performance.now();
    const measured = { date, commit, load: currentLoad() };
    try {
      const question = (await import(pathToFileURL(join(folder, `${name}.ts`)).href)) as Question;
      const answer = { ...(await question.run({ quick })), measured };
      answers[name] = answer;
      say(`${renderText(name, answer)}  (${Math.round((performance.now() - startedAt) / 1000)} s)\n\n`);
    } catch (error) {
      failed = true;
      say(`${name} failed: ${error instanceof Error ? error.stack : String(error)}\n\n`);
    }
  }
  return { answers, failed };
}

async function save(answers: Report['answers'], quick: boolean): Promise<void> {
  const { load: _, ...machine } = await describeMachine();
  const name = `${machineSlug(machine)}${quick ? '-quick' : ''}`;
  const path = join(folder, 'results', name);
  const text = await readFile(`${path}.json`, 'utf8').catch(() => undefined);
  const before = text === undefined ? undefined : (JSON.parse(text) as Report);
  const report = mergeReports(before, { machine, quick, answers });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(`${path}.md`, renderMarkdown(report));
  say(`written: bench/results/${name}.json and .md\n`);
}

/** The files that export an answer; others are programs of their own, which must not run because they are looked at. */
async function questions(): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && file !== 'run.ts').sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return files
    .filter((_, index) => /^export (async )?(function|const) run\b/m.test(texts[index]!))
    .map((file) => file.slice(0, -'.ts'.length));
}
