import type { Config } from '../config/schema/schema.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import { readCertificate } from '../ingest/rtmp/certificate.js';
import { createKeyring } from '../ingest/rtmp/keys.js';
import { readsCodec } from '../ingest/rtmp/protocol/readable.js';
import { createRtmpServer } from '../ingest/rtmp/server.js';
import type { RtmpAddresses, RtmpServer, RtmpServerEvent } from '../ingest/rtmp/server-types.js';
import { readDescriptorLimit, rtmpBudget } from '../io/descriptors.js';
import { largePictures } from '../stream/outputs/picture-limit.js';
import type { Logger } from '../telemetry/logger.js';
import type { DesiredStream } from './desired-streams.js';
import { PublisherDesk, type PushStream } from './publisher-waitlist.js';

/** The RTMP listener for publishers: closed until the first push stream exists. */
export class RtmpIngest {
  readonly desk = new PublisherDesk();
  readonly #config: Pick<Config, 'rtmp' | 'rtmps' | 'ffmpeg'>;
  readonly #log: Logger;
  #server: RtmpServer | undefined;
  #opening: Promise<void> | undefined;
  #reads: (codec: string) => boolean = () => true;

  constructor(config: Pick<Config, 'rtmp' | 'rtmps' | 'ffmpeg'>, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  /** Empty while it is shut. */
  get addresses(): RtmpAddresses {
    return this.#server?.addresses ?? {};
  }

  /** The capabilities of ffmpeg: publishers with unsupported codecs are rejected. */
  workWith({ libavformat, libavformatMinor }: Pick<Capabilities, 'libavformat' | 'libavformatMinor'>): void {
    this.#reads = (codec) => readsCodec(codec, { major: libavformat, minor: libavformatMinor });
  }

  /** The streams that accept publishers. */
  admit(wanted: readonly DesiredStream[]): void {
    this.desk.open(pushStreams(wanted));
  }

  /**
   * Listens if any of these streams is a push stream. Throws `port-unavailable`, or `config-invalid`, such as when two streams share
   * a key; it can be retried.
   */
  async openFor(wanted: readonly DesiredStream[]): Promise<void> {
    createKeyring(pushStreams(wanted));
    if (this.#server !== undefined || !wanted.some(({ config }) => config.source === 'push')) return;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => {});
    await this.#server?.close();
  }

  async #open(): Promise<void> {
    const { rtmp, rtmps, ffmpeg } = this.#config;
    const connections = rtmpBudget(await readDescriptorLimit());
    const server = createRtmpServer({
      ...rtmp,
      limits: { connections },
      tls: rtmps && { port: rtmps.port, ...(await readCertificate(rtmps)) },
      authorise: (request) => this.desk.authorise(request),
      current: (stream) => this.desk.current(stream),
      onPublish: (publisher) => this.desk.arrived(publisher),
      reads: (codec) => this.#reads(codec),
      tooLarge: (codec, configuration) => largePictures(codec, configuration, ffmpeg.maxPixels),
      observe: logRtmp(this.#log),
    });
    await server.start();
    this.#server = server;
    this.#log.info({ ...server.addresses }, 'listening for RTMP');
  }
}

function pushStreams(wanted: readonly DesiredStream[]): PushStream[] {
  return wanted
    .filter(({ config }) => config.source === 'push')
    .map(({ config: { name, keys = [], publish, hls } }) => {
      return { name, keys, whenBusy: publish.whenBusy, segmentSeconds: hls.segmentSeconds };
    });
}

/** Unknown clients connect by the thousand, so they are logged for debugging only. The end of a publisher matters to operators. */
function logRtmp(log: Logger): (event: RtmpServerEvent) => void {
  return ({ type, address, secure, stream, reason, cause }) => {
    const facts = {
      address,
      secure,
      reason,
      ...(stream && { stream }),
      ...(cause === undefined ? {} : { err: cause }),
    };
    if (type === 'failed') log.error(facts, 'publisher rejected');
    else if (stream !== undefined) log.info(facts, 'publisher disconnected');
    else if (reason === 'bad-key') log.warn(facts, 'publisher rejected: wrong stream key');
    else log.debug(facts, 'RTMP connection closed');
  };
}
