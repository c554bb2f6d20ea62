import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type WebSocket from 'ws';

const require = createRequire(import.meta.url);
const Socket = createRequire(require.resolve('node-rtsp-stream'))('ws') as typeof WebSocket;

/** Nothing is fetched by the browser itself. */
const preferences = {
  'app.update.enabled': false,
  'browser.newtabpage.enabled': false,
  'browser.safebrowsing.downloads.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'media.autoplay.default': 0,
  'media.gmp-manager.url': '',
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': '',
  'toolkit.telemetry.enabled': false,
};

/** Debian's Firefox with one page, driven by WebDriver BiDi: no more of it than tests need. */
export class Firefox {
  readonly #process: ChildProcess;
  readonly #socket: WebSocket;
  readonly #profile: string;
  readonly #waiting = new Map<number, (answer: { readonly result?: unknown; readonly message?: string }) => void>();
  #context = '';
  #lastId = 0;
  /** Errors on the console, uncaught exceptions, and violations of the content security policy. */
  readonly complaints: string[] = [];

  private constructor(process: ChildProcess, socket: WebSocket, profile: string) {
    this.#process = process;
    this.#socket = socket;
    this.#profile = profile;
    socket.on('message', (data) => this.#take(JSON.parse(String(data))));
  }

  static async start(): Promise<Firefox> {
    const profile = await mkdtemp(join(tmpdir(), 'sidepipe-firefox-'));
    const lines = Object.entries(preferences).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`);
    await writeFile(join(profile, 'user.js'), lines.join('\n'));
    const options = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'];
    const child = spawn('/usr/bin/firefox-esr', options, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: profile },
    });
    const socket = new Socket(`${await addressOf(child)}/session`);
    await once(socket, 'open');
    const firefox = new Firefox(child, socket, profile);
    await firefox.#begin();
    return firefox;
  }

  async goto(url: string): Promise<void> {
    await this.#call('browsingContext.navigate', { context: this.#context, url, wait: 'complete' });
  }

  /** The value of a script's expression: text, number or truth. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#call<{ readonly result?: { readonly value?: unknown } }>('script.evaluate', {
      expression,
      target: { context: this.#context },
      awaitPromise: true,
    });
    return answer.result?.value;
  }

  async close(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#socket.terminate();
    this.#process.kill('SIGKILL');
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #begin(): Promise<void> {
    await this.#call('session.new', { capabilities: {} });
    await this.#call('session.subscribe', { events: ['log.entryAdded'] });
    const { contexts } = await this.#call<{ readonly contexts: readonly { readonly context: string }[] }>(
      'browsingContext.getTree',
      {},
    );
    this.#context = contexts[0]?.context ?? '';
  }

  async #call<T>(method: string, params: Readonly<Record<string, unknown>>): Promise<T> {
    const id = ++this.#lastId;
    const answered = new Promise<{ readonly result?: unknown; readonly message?: string }>((resolve) => {
      this.#waiting.set(id, resolve);
    });
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, message } = await answered;
    if (message !== undefined) throw new Error(`${method}: ${message}`);
    return result as T;
  }

  #take(message: {
    readonly id?: number;
    readonly result?: unknown;
    readonly message?: string;
    readonly params?: { readonly level: string; readonly text: string };
  }): void {
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    } else if (message.params?.level === 'error') this.complaints.push(message.params.text);
  }
}

/** Where it listens, which it says itself. */
async function addressOf({ stderr }: ChildProcess): Promise<string> {
  if (stderr === null) throw new Error('Firefox has no standard error');
  for await (const line of createInterface({ input: stderr })) {
    const address = /WebDriver BiDi listening on (ws:\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    stderr.resume();
    return address;
  }
  throw new Error('Firefox ended before it listened');
}
