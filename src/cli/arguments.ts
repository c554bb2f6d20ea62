import { parseArgs } from 'node:util';
import type { ConfigFlags } from '../config/flags.js';
import { type ConfigProblem, configInvalid } from '../config/problems.js';
import { redactUrl } from '../config/redact.js';
import { didYouMean } from '../config/suggest.js';

const doctorAreas = ['ffmpeg', 'source', 'images', 'ports', 'limits', 'clock', 'store', 'fallback'] as const;
/** An area that doctor can check. */
type DoctorArea = (typeof doctorAreas)[number];

/** The parsed command line. */
export type Arguments =
  | {
      readonly command: 'serve' | 'check' | 'doctor';
      readonly file?: string;
      readonly flags: ConfigFlags;
      /** Print doctor's findings as JSON. */
      readonly json?: boolean;
      /** End the playlists when the node stops. */
      readonly endStreams?: true;
      /** The areas that doctor checks. Undefined: all. */
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
  serve             run the node (the default)
  check             validate the configuration without opening anything; exit code 0 if it is valid, 2 if not
  doctor            run ffmpeg, open every source and port, upload to the object store, and report the findings;
                    exit code 1 if a finding would stop a stream, otherwise 0

Options:
  -c, --config FILE configuration file; default: sidepipe.yaml, if it exists
  --source URL      with --stream: add a stream from a camera, a file or a URL, or test for a test video
  --stream NAME     with --source: name of that stream, such as front-door
  --demo            add stream demo (test video with a clock) and stream live (accepts RTMP publishers)
  --end-streams     end the playlists (EXT-X-ENDLIST) when the node stops; otherwise players wait for the stream to resume
  --only AREAS      with doctor: check only these, of ffmpeg,source,images,ports,limits,clock,store,fallback
  --json            with doctor: print one JSON document instead of a table
  -h, --help        print this help
  -v, --version     print the version

Every setting is also an environment variable: http.port is SIDEPIPE_HTTP_PORT.
An invalid configuration exits with code 2 and lists every error with its file and line.
`;

/**
 * Parses the arguments of the `sidepipe` command. Throws `config-invalid` with all problems in
 * `details.problems`, each with the name of its flag.
 */
export function parseArguments(argv: readonly string[]): Arguments {
  // Strict mode stops at the first problem and suggests no similar names. The code below makes the same checks.
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
    check: ', which accepts only --config',
    doctor: ', which accepts only --config, --only and --json',
  };
  for (const name of unsuited) {
    if (values.has(name)) problems.push({ path: `--${name}`, message: `not valid with ${command}${takes[command]}` });
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
  // In `--config --demo` the value is missing. A file named --demo is written as `--config=--demo`.
  return value.startsWith('-') && !inlineValue ? `needs a value, got ${redactUrl(value)}` : undefined;
}

function commandOf(words: readonly string[], problems: ConfigProblem[]): (typeof commands)[number] {
  const [word, ...more] = words;
  for (const extra of more) problems.push({ path: redactUrl(extra), message: 'unexpected argument' });
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
