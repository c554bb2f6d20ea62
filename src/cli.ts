#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import { isatty } from 'node:tty';
import { setFlagsFromString } from 'node:v8';
import { type Arguments, helpText, parseArguments } from './cli/arguments.js';
import { v8Flags } from './cli/v8-flags.js';
import { ensureAdminToken, tokenNotice } from './config/admin-token.js';
import type { ConfigFlags } from './config/flags.js';
import { loadConfig } from './config/load.js';
import { redactUrl } from './config/redact.js';
import type { Config } from './config/schema/schema.js';
import { messageOf, SidepipeError } from './errors.js';
import { sourceFindings } from './ingest/source-findings.js';
import { createNode, type SidepipeNode } from './node/node.js';
import { droppedLine } from './telemetry/logger.js';
import { openProcessOutput, takeProcessOutput } from './telemetry/output.js';
import { version } from './version.js';

/** Process only: argv, signals, exit code. */

// Without a control group limit, Node.js reports 0 or more memory than any machine has.
for (const flag of v8Flags(Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY))) {
  setFlagsFromString(flag);
}

const EXIT_FAILED = 1;
const EXIT_UNUSABLE_CONFIG = 2;

/** How long the process waits at exit until its last lines have been written. */
const FLUSH_MS = 2000;

const isTerminal = { stdout: isatty(1), stderr: isatty(2) };
const output = openProcessOutput({
  maxBytes: 1024 ** 2,
  gapLine: (dropped) => droppedLine(dropped, isTerminal.stdout),
});
takeProcessOutput(output, redactUrl);

const say = (text: string) => output.stdout.write(text);
const complain = (text: string) => output.stderr.write(text);

/** Exit code, and how long to wait for the output: `doctor` may be read in a pager for any length of time. */
interface Ending {
  readonly code: number;
  readonly flushMs: number;
}

type DoctorArguments = Extract<Arguments, { readonly flags: ConfigFlags }>;

async function main(): Promise<Ending> {
  const args = parseArguments(process.argv.slice(2));
  if (args.command === 'help') say(helpText);
  if (args.command === 'version') say(`${version}\n`);
  if (!('flags' in args)) return { code: 0, flushMs: Number.POSITIVE_INFINITY };
  // A random key for this run: without it, anyone could publish to the demo.
  const demoKey = args.flags.demo ? randomBytes(12).toString('base64url') : undefined;
  const reread = () => load(args.file, { ...args.flags, ...(demoKey && { demoKey }) });
  if (args.command === 'check') return { code: await check(args.file), flushMs: Number.POSITIVE_INFINITY };
  const config = await reread();
  if (args.command === 'doctor') {
    return { code: await examine(config, args), flushMs: Number.POSITIVE_INFINITY };
  }
  return { code: await serve(config, demoKey, reread, args.endStreams ?? false), flushMs: FLUSH_MS };
}

/** Opens nothing. Doctor checks files and cameras. */
async function check(file: string | undefined): Promise<number> {
  const place = { ...(file !== undefined && { file }), env: process.env, flags: {}, cwd: process.cwd() };
  const { streams, storage } = await loadConfig({ ...place, alsoCheck: sourceFindings });
  const count = streams.length === 1 ? '1 stream' : `${streams.length} streams`;
  say(`The configuration is valid: ${count}, storage ${storage.type}.\n`);
  return 0;
}

function load(file: string | undefined, flags: ConfigFlags): Promise<Config> {
  return loadConfig({ ...(file !== undefined && { file }), env: process.env, flags, cwd: process.cwd() });
}

async function examine(config: Config, { json, only }: Pick<DoctorArguments, 'json' | 'only'>): Promise<number> {
  const { doctorChecks, runDoctor } = await import('./doctor/doctor.js');
  const format = json ? 'json' : 'table';
  const checks = doctorChecks(config).filter(({ area }) => only?.some((each) => each === area) ?? true);
  return runDoctor({ config, checks, write: say, colour: isTerminal.stdout, format });
}

/** Runs the node until a signal. A second signal ends it immediately; the guard ends ffmpeg. SIGHUP reloads: see `reread`. */
async function serve(
  given: Config,
  demoKey: string | undefined,
  reread: () => Promise<Config>,
  endStreams: boolean,
): Promise<number> {
  const { config, generated } = ensureAdminToken(given);
  output.stdout.maxBytes = config.log.bufferBytes;
  output.stderr.maxBytes = config.log.bufferBytes;
  const node = createNode(config, { pretty: isTerminal.stdout, log: output.stdout, endStreams });
  const signalled = new Promise<void>((resolve) => {
    let signals = 0;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        signals += 1;
        if (signals > 1) quit(EXIT_FAILED);
        resolve();
      });
    }
  });
  process.on('SIGHUP', () => void node.reloadFrom(reread));
  await node.start();
  const demo = demoKey && keyNotice(demoKey);
  announce(node, [demo, generated && tokenNotice(generated, isTerminal.stderr)]);
  await signalled;
  await node.close();
  return 0;
}

function keyNotice(demoKey: string): string {
  if (isTerminal.stderr) return `Stream key of live: ${demoKey}`;
  return 'The stream key of live is printed only on a terminal. Configure a stream with source: push and keys.';
}

/** For the person at the terminal. It goes to standard error, because standard output is the log, which masks secrets. */
function announce(node: SidepipeNode, notices: readonly (string | undefined)[]): void {
  const { config, address, rtmpAddresses } = node;
  const url = config.http.publicUrl ?? `http://localhost:${address?.port ?? config.http.port}`;
  const pages = config.streams.map(({ name }) => `  ${url}/watch/${name}\n`).join('');
  const rtmp = rtmpAddresses.rtmp && `Publish by RTMP to rtmp://localhost:${rtmpAddresses.rtmp.port}/live`;
  const rest = [rtmp, ...notices].filter((line) => line !== undefined).map((line) => `${line}\n`);
  complain(`\nsidepipe ${version} is running: ${url}\n${pages}${rest.join('')}\n`);
}

/** Exits when the last lines have been written, or after `flushMs`. */
async function exit(code: number, flushMs: number): Promise<void> {
  await Promise.all([output.stdout.flush(flushMs), output.stderr.flush(flushMs)]);
  quit(code);
}

function quit(code: number): never {
  // A write that never returns, for example to an unreachable network file system, blocks a thread that `exit` waits for.
  if (output.stdout.isWriting || output.stderr.isWriting) process.kill(process.pid, 'SIGKILL');
  process.exit(code);
}

process.on('uncaughtException', (error) => {
  complain(`sidepipe: ${redactUrl(error.stack ?? messageOf(error))}\n`);
  void exit(EXIT_FAILED, FLUSH_MS / 4);
});

main().then(
  ({ code, flushMs }) => exit(code, flushMs),
  (error: unknown) => {
    complain(`sidepipe: ${messageOf(error)}\n`);
    const isConfig = error instanceof SidepipeError && error.code === 'config-invalid';
    return exit(isConfig ? EXIT_UNUSABLE_CONFIG : EXIT_FAILED, FLUSH_MS);
  },
);
