import { describe, expect, it } from 'vitest';
import { type Arguments, helpText, parseArguments } from '../../src/cli/arguments.js';
import type { ConfigProblem } from '../../src/config/problems.js';
import { SidepipeError } from '../../src/errors.js';

function problemsOf(argv: string[]): ConfigProblem[] {
  try {
    parseArguments(argv);
  } catch (error) {
    expect(error).toBeInstanceOf(SidepipeError);
    expect(error).toMatchObject({ code: 'config-invalid', fault: 'caller' });
    return (error as SidepipeError).details['problems'] as ConfigProblem[];
  }
  return expect.fail('was accepted');
}

describe('parseArguments', () => {
  it.each<[string, Arguments]>([
    ['', { command: 'serve', flags: {} }],
    ['serve', { command: 'serve', flags: {} }],
    ['--config a.yaml', { command: 'serve', file: 'a.yaml', flags: {} }],
    ['serve --config=a.yaml --demo', { command: 'serve', file: 'a.yaml', flags: { demo: true } }],
    ['--demo serve', { command: 'serve', flags: { demo: true } }],
    ['--source rtsp://c/1 --stream cam', { command: 'serve', flags: { source: 'rtsp://c/1', stream: 'cam' } }],
    ['--source=-odd --stream cam', { command: 'serve', flags: { source: '-odd', stream: 'cam' } }],
    ['serve --end-streams', { command: 'serve', flags: {}, endStreams: true }],
    ['doctor --config a.yaml', { command: 'doctor', file: 'a.yaml', flags: {} }],
    ['doctor -c a.yaml --json', { command: 'doctor', file: 'a.yaml', json: true, flags: {} }],
    ['doctor --only store,source', { command: 'doctor', only: ['store', 'source'], flags: {} }],
    ['check', { command: 'check', flags: {} }],
    ['check -c a.yaml', { command: 'check', file: 'a.yaml', flags: {} }],
    ['--help', { command: 'help' }],
    ['doctor -h', { command: 'help' }],
    ['help', { command: 'help' }],
    ['--version', { command: 'version' }],
    ['-v', { command: 'version' }],
    ['version', { command: 'version' }],
  ])('%s', (line, expected) => {
    expect(parseArguments(line.split(' ').filter(Boolean))).toEqual(expected);
  });

  it.each<[string, ConfigProblem]>([
    ['--confg a', { path: '--confg', message: 'unknown option; did you mean --config?' }],
    ['--nothing-like-it', { path: '--nothing-like-it', message: 'unknown option' }],
    ['--config', { path: '--config', message: 'needs a value' }],
    ['--config=', { path: '--config', message: 'needs a value' }],
    ['--config --demo', { path: '--config', message: 'needs a value, got --demo' }],
    ['--demo=no', { path: '--demo', message: 'takes no value' }],
    ['--stream a --stream b', { path: '--stream', message: 'given twice' }],
    ['sevre', { path: 'sevre', message: 'unknown command; did you mean serve?' }],
    ['rtsp://u:hunter2@c', { path: 'rtsp://u:***@c', message: 'unknown command; did you mean --source?' }],
    ['serve me', { path: 'me', message: 'unexpected argument' }],
    [
      'doctor --end-streams',
      { path: '--end-streams', message: 'not valid with doctor, which accepts only --config, --only and --json' },
    ],
    [
      'doctor --demo',
      { path: '--demo', message: 'not valid with doctor, which accepts only --config, --only and --json' },
    ],
    ['doctor --only stores', { path: '--only', message: 'unknown area stores; did you mean store?' }],
    ['--only store', { path: '--only', message: 'not valid with serve' }],
    ['check --json', { path: '--json', message: 'not valid with check, which accepts only --config' }],
    ['check --demo', { path: '--demo', message: 'not valid with check, which accepts only --config' }],
    ['--json', { path: '--json', message: 'not valid with serve' }],
    ['--__proto__=1', { path: '--__proto__', message: 'unknown option' }],
  ])('%s is a mistake', (line, expected) => {
    expect(problemsOf(line.split(' '))[0]).toEqual(expected);
  });

  it('reports all mistakes at once', () => {
    const problems = problemsOf(['--confg', 'x', '--demo=1', '--stream', 'a', '--stream', 'b']);
    expect(problems.map(({ path }) => path)).toEqual(['--confg', '--demo', '--stream', 'x']);
  });
});

describe('the help text', () => {
  it.each([
    'serve',
    'check',
    'doctor',
    '--json',
    '--only',
    '-c',
    '--config',
    '--source',
    '--stream',
    '--demo',
    '--end-streams',
    '--help',
    '--version',
  ])('has %s', (name) => {
    expect(helpText).toContain(name);
  });
});
