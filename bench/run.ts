import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { compareReports, renderComparison, whyUnlike } from './support/compare.js';
import { currentLoad, describeMachine, machineSlug } from './support/machine.js';
import { drawReport } from './support/plot.js';
import type { Answer, Question, QuestionOptions } from './support/question.js';
import { knownQuestions, usualQuestions } from './support/questions.js';
import { mergeAnswers } from './support/repeat.js';
import { mergeReports, type Report, renderMarkdown, renderText } from './support/report.js';

// `npm run bench -- [--quick] [--repeat N] [NAME…]`: every file beside this one that answers a question, or the named ones: long
// ones only by name, slow ones by name or without --quick. The answers go into bench/results/, as JSON, Markdown and plots, in the
// place of older ones from this machine. Quick ones have files of their own. `npm run bench -- --compare OLD.json NEW.json` says
// what is better, the same or worse.

const folder = dirname(fileURLToPath(import.meta.url));
const say = (text: string) => void process.stdout.write(text);

process.exit(await main());

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      repeat: { type: 'string', default: '1' },
      compare: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  if (values.compare) return compare(positionals);
  const known = await knownQuestions(folder);
  const unknown = positionals.filter((name) => !known.some((each) => each.name === name));
  const repeat = Number(values.repeat);
  if (unknown.length > 0 || !Number.isInteger(repeat) || repeat < 1) {
    const names = known.map(({ name }) => name).join(', ');
    say(unknown.length > 0 ? `no question named ${unknown.join(', ')}; there are: ${names}\n` : '--repeat: a count\n');
    return 2;
  }
  const { quick } = values;
  const names = positionals.length > 0 ? positionals : usualQuestions(known, { quick });
  const { answers, failed } = await ask(names, { quick, repeat });
  await save(answers, quick);
  return failed ? 1 : 0;
}

async function compare([before, after, ...more]: readonly string[]): Promise<number> {
  if (before === undefined || after === undefined || more.length > 0) {
    say('--compare OLD.json NEW.json\n');
    return 2;
  }
  const [old, young] = await Promise.all(
    [before, after].map(async (path) => JSON.parse(await readFile(path, 'utf8')) as Report),
  );
  const comparisons = compareReports(old!, young!);
  say(`${whyUnlike(old!, young!) ?? ''}${renderComparison(comparisons)}`);
  return comparisons.some(({ verdict }) => verdict === 'worse') ? 1 : 0;
}

async function ask(names: readonly string[], options: QuestionOptions & { readonly repeat: number }) {
  const { date, commit } = await describeMachine();
  const answers: Record<string, Report['answers'][string]> = {};
  let failed = false;
  for (const name of names) {
    const startedAt = performance.now();
    const measured = { date, commit, load: currentLoad() };
    try {
      const answer = { ...(await answerOf(name, options)), measured };
      answers[name] = answer;
      say(`${renderText(name, answer)}  (${Math.round((performance.now() - startedAt) / 1000)} s)\n\n`);
    } catch (error) {
      failed = true;
      say(`${name} failed: ${error instanceof Error ? error.stack : String(error)}\n\n`);
    }
  }
  return { answers, failed };
}

async function answerOf(name: string, { quick, repeat }: QuestionOptions & { readonly repeat: number }) {
  const question = (await import(pathToFileURL(join(folder, `${name}.ts`)).href)) as Question;
  const answers: Answer[] = [];
  while (answers.length < repeat) answers.push(await question.run({ quick }));
  return mergeAnswers(answers);
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
  const drawings = drawReport(report);
  for (const drawing of drawings) await writeFile(`${path}-${drawing.name}.svg`, drawing.svg);
  await writeFile(
    `${path}.md`,
    renderMarkdown(
      report,
      drawings.map((drawing) => `${name}-${drawing.name}.svg`),
    ),
  );
  say(`written: bench/results/${name}.json, .md and .svg\n`);
}
