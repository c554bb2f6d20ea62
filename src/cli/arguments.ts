import { parseArgs } from 'node:util';
import type { ConfigFlags } from '../config/flags.js';
import { type ConfigProblem, configInvalid } from '../config/problems.js';
import { redactUrl } from '../config/redact.js';
import { didYouMean } from '../config/suggest.js';

const doctorAreas = ['ffmpeg', 'source', 'images', 'ports', 'limits', 'clock', 'store', 'fallback'] as const;
/** What the doctor can look at. */
type DoctorArea = (typeof doctorAreas)[number];

/** What the command line asks for. */
export type Arguments =
  | {
      readonly command: 'serve' | 'check' | 'doctor';
      readonly file?: string;
      readonly flags: ConfigFlags;
      /** The doctor's findings as JSON. */
      readonly json?: boolean;
      /** The streams are at their end when the node stops. */
      readonly endStreams?: true;
      /** What the doctor looks at; undefined: everything. */
      readonly only?: readonly DoctorArea[];
    }
  | { readonly command: 'help' | 'version' };

const options = {
  config: { type: 'string', short: 'c' },
  source: { type: 'string' },
  stream: { type: 'string' },
  demo: { type: 'boolean' },
  json: { type: 'boolean' },
  'end-streams': { type: 'boolean' },
  only: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

const names = Object.keys(options).map((name) => `--${name}`);
const commands = ['serve', 'check', 'doctor', 'help', 'version'] as const;

export const helpText = `sidepipe: a live-streaming node whose picture never goes stale

Usage:
  sidepipe [serve] [--config FILE] [--source URL --stream NAME] [--demo] [--end-streams]
  sidepipe check [--config FILE]
  sidepipe doctor [--config FILE] [--only AREAS] [--json]

Commands:
  serve             run the node (what happens without a command)
  check             validate the configuration, without opening anything: exit code 0 if it is valid, else 2
  doctor            run ffmpeg, open every source and port, upload to the object store, and report what was found:
                    exit code 1 if something would stop a stream, else 0

Options:
  -c, --config FILE the configuration; without it sidepipe.yaml, if there is one
  --source URL      with --stream: one more stream, from a camera, a file, a URL, or test for a test picture
  --stream NAME     with --source: the stream's name, such as front-door
  --demo            a moving test picture with a clock as stream demo, and live, a stream to publish to by RTMP
  --end-streams     end the playlists (EXT-X-ENDLIST) when the node is stopped; otherwise players wait for the stream to go on
  --only AREAS      with doctor: some of ffmpeg,source,images,ports,clock,store,fallback
  --json            with doctor: one JSON document instead of a table
  -h, --help        this text
  -v, --version     the version

Every setting is also an environment variable: http.port is SIDEPIPE_HTTP_PORT.
An invalid configuration exits with code 2 and lists every error with its file and line.
`;

/**
 * Reads what follows `sidepipe` on the command line. Throws `config-invalid` with every problem in
 * `details.problems`, each under the name of its flag.
 */
export function parseArguments(argv: readonly string[]): Arguments {
  // Not strict: strictness ends at the first problem and knows no near names. What it checks is checked below.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const problems: ConfigProblem[] = [];
  const values = new Map<string, string | true>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const problem = optionProblem(token, values);
    if (problem !== undefined) problems.push({ path: redactUrl(token.rawName), message: problem });
    else values.set(token.name, token.value ?? true);
  }
  const command = commandOf(words, problems);
  if (values.has('help') || command === 'help') return { command: 'help' };
  if (values.has('version') || command === 'version') return { command: 'version' };
  const unsuited =
    command === 'serve'
      ? ['json', 'only']
      : ['source', 'stream', 'demo', 'end-streams', ...(command === 'check' ? ['json', 'only'] : [])];
  const takes = {
    serve: '',
    check: ', which takes only --config',
    doctor: ', which takes only --config, --only and --json',
  };
  for (const name of unsuited) {
    if (values.has(name)) problems.push({ path: `--${name}`, message: `not for ${command}${takes[command]}` });
  }
  const only = areasOf(textOf(values, 'only'), problems);
  if (problems.length > 0) throw configInvalid(problems);
  const file = textOf(values, 'config');
  const source = textOf(values, 'source');
  const stream = textOf(values, 'stream');
  return {
    command,
    ...(values.has('end-streams') && { endStreams: true as const }),
    ...(file === undefined ? {} : { file }),
    ...(values.has('json') ? { json: true } : {}),
    ...(only === undefined ? {} : { only }),
    flags: {
      ...(source === undefined ? {} : { source }),
      ...(stream === undefined ? {} : { stream }),
      ...(values.has('demo') ? { demo: true } : {}),
    },
  };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function optionProblem({ name, rawName, value, inlineValue }: OptionToken, earlier: ReadonlyMap<string, unknown>) {
  if (!Object.hasOwn(options, name)) return `unknown option${didYouMean(rawName, names)}`;
  if (earlier.has(name)) return 'given twice';
  const { type } = options[name as keyof typeof options];
  if (type === 'boolean') return value === undefined ? undefined : 'takes no value';
  if (value === undefined || value === '') return 'needs a value';
  // `--config --demo` is a forgotten value, not a file of that name; `--config=--demo` would be one.
  return value.startsWith('-') && !inlineValue ? `needs a value, got ${redactUrl(value)}` : undefined;
}

function commandOf(words: readonly string[], problems: ConfigProblem[]): (typeof commands)[number] {
  const [word, ...more] = words;
  for (const extra of more) problems.push({ path: redactUrl(extra), message: 'one word too many' });
  if (word === undefined) return 'serve';
  const command = commands.find((name) => name === word);
  if (command !== undefined) return command;
  const hint = word.includes('/') || word.includes(':') ? '; did you mean --source?' : didYouMean(word, commands);
  problems.push({ path: redactUrl(word), message: `unknown command${hint}` });
  return 'serve';
}

function areasOf(text: string | undefined, problems: ConfigProblem[]): DoctorArea[] | undefined {
  if (text === undefined) return undefined;
  return text.split(',').flatMap((word) => {
    const area = doctorAreas.find((each) => each === word);
    if (area !== undefined) return [area];
    problems.push({ path: '--only', message: `unknown area ${redactUrl(word)}${didYouMean(word, doctorAreas)}` });
    return [];
  });
}

function textOf(values: ReadonlyMap<string, string | true>, name: string): string | undefined {
  const value = values.get(name);
  return typeof value === 'string' ? value : undefined;
}
