#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { helpText, parseArguments } from './arguments.js';
import { ensureAdminToken } from './config/admin-token.js';
import type { ConfigFlags } from './config/flags.js';
import { loadConfig } from './config/load.js';
import type { Config } from './config/schema.js';
import { messageOf, SidepipeError } from './errors.js';
import { createNode, type SidepipeNode } from './node.js';
import { version } from './version.js';

/** Process only: argv, signals, exit code. */

// Requests and frames make garbage by the megabyte that is dead at once. V8 would let its nursery for it grow to 32 MB and keep
// it: 80 MB of resident memory on a small board, for no speed that could be measured.
setFlagsFromString('--semi-space-growth-factor=1');

const EXIT_FAILED = 1;
const EXIT_UNUSABLE_CONFIG = 2;

const say = (text: string) => void process.stdout.write(text);
const complain = (text: string) => void process.stderr.write(text);

async function main(): Promise<number> {
  const args = parseArguments(process.argv.slice(2));
  if (args.command === 'help') say(helpText);
  if (args.command === 'version') say(`${version}\n`);
  if (!('flags' in args)) return 0;
  // A key for this run: a demo that anyone could publish to would be an open door.
  const demoKey = args.flags.demo ? randomBytes(12).toString('base64url') : undefined;
  const reread = () => load(args.file, { ...args.flags, ...(demoKey && { demoKey }) });
  const config = await reread();
  return args.command === 'doctor' ? examine(config) : serve(config, demoKey, reread);
}

function load(file: string | undefined, flags: ConfigFlags): Promise<Config> {
  return loadConfig({ ...(file !== undefined && { file }), env: process.env, flags, cwd: process.cwd() });
}

async function examine(config: Config): Promise<number> {
  const { doctorChecks, runDoctor } = await import('./doctor.js');
  return runDoctor({ config, checks: await doctorChecks(config), write: say, colour: process.stdout.isTTY === true });
}

/** Runs the node until a signal comes. A second signal ends it at once; the guard sees to ffmpeg. SIGHUP: see `reread`. */
async function serve(given: Config, demoKey: string | undefined, reread: () => Promise<Config>): Promise<number> {
  const { config, notice } = ensureAdminToken(given);
  const node = createNode(config, { pretty: process.stdout.isTTY === true });
  const signalled = new Promise<void>((resolve) => {
    let signals = 0;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        signals += 1;
        if (signals > 1) process.exit(EXIT_FAILED);
        resolve();
      });
    }
  });
  process.on('SIGHUP', () => void node.reloadFrom(reread));
  await node.start();
  const demo = demoKey && `Stream key of live: ${demoKey}`;
  announce(node, [demo, notice]);
  await signalled;
  await node.close();
  return 0;
}

/** For the person at the terminal; none of it goes through the log, which would hide the token. */
function announce(node: SidepipeNode, notices: readonly (string | undefined)[]): void {
  const { config, address, rtmpAddresses } = node;
  const url = config.http.publicUrl ?? `http://localhost:${address?.port ?? config.http.port}`;
  const pages = config.streams.map(({ name }) => `  ${url}/watch/${name}\n`).join('');
  const rtmp = rtmpAddresses.rtmp && `Publish by RTMP to rtmp://localhost:${rtmpAddresses.rtmp.port}/live`;
  const rest = [rtmp, ...notices].filter((line) => line !== undefined).map((line) => `${line}\n`);
  say(`\nsidepipe ${version} is running: ${url}\n${pages}${rest.join('')}\n`);
}

// Whoever read may have had enough, as `head` has, or begin anew, as a collector of logs does: streams go on.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.on('uncaughtException', (error) => {
  complain(`sidepipe: ${error.stack ?? messageOf(error)}\n`);
  process.exit(EXIT_FAILED);
});

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    complain(`sidepipe: ${messageOf(error)}\n`);
    process.exit(
      error instanceof SidepipeError && error.code === 'config-invalid' ? EXIT_UNUSABLE_CONFIG : EXIT_FAILED,
    );
  },
);
