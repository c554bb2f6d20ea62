import { createHash } from 'node:crypto';
import { StreamTopics } from '../../src/events/stream-series.js';
import type { RejectedFrame } from '../../src/images/rejected-frames.js';
import type { StillEntry } from '../../src/storage/publish/types.js';
import type { StreamDescription } from '../../src/stream/description.js';
import type { StreamDiagnosis } from '../../src/stream/diagnosis.js';
import type {
  LiveStream,
  MonitorView,
  PlaybackKey,
  PlayerReport,
  SnapshotOptions,
  StillsPage,
  StillsQuery,
  StreamDirectory,
  ViewerId,
} from '../../src/stream/live-stream.js';
import type { NotReady, StreamReadiness } from '../../src/stream/readiness.js';
import type {
  ImageResource,
  ImmutableImage,
  MediaResource,
  PlaylistResource,
  SheetResource,
  SnapshotResource,
} from '../../src/stream/resources.js';
import { stillsPage } from '../../src/stream/uploads/stills-page.js';
import type { ImageFormat, StreamState } from '../../src/terms.js';

/** A stream whose every side a test sets by hand. */
export class FakeStream implements LiveStream {
  readonly name: string;
  readonly series = new StreamTopics();
  state: StreamState = 'live';
  reason: StreamDescription['reason'] = null;
  sourceKind = 'test';
  renditions: string[] = ['source'];
  multivariant: PlaylistResource | undefined;
  readonly playlists = new Map<string, PlaylistResource>();
  /** By `{rendition}/{file}`. */
  readonly media = new Map<string, MediaResource>();
  readonly pictures = new Map<ImageFormat, ImageResource>();
  widths: number[] = [1280];
  sizeNames: string[] = [];
  /** What was asked for, call by call. */
  readonly askedSizes: (number | string | undefined)[] = [];
  /** By `{hash}.{format}`. */
  readonly immutables = new Map<string, ImmutableImage>();
  previewPicture: ImageResource = pictureOf(Buffer.from('preview'), { contentType: 'image/webp' });
  storyboardText: PlaylistResource = playlistOf('WEBVTT\n');
  readonly sheets = new Map<number, SheetResource>();
  /** Further facts of the thumbnail in the description. */
  thumbnailFacts: Partial<StreamDescription['thumbnail']> = {};
  whyNotReady: NotReady | undefined;
  whyNotStored: NotReady | undefined;
  /** Set to make `describe` fail as a bug inside would. */
  broken: Error | undefined;
  readonly hlsFacts = { bandwidth: null, codecs: null, resolution: null, frameRate: null } as {
    bandwidth: number | null;
    codecs: string | null;
    resolution: string | null;
    frameRate: number | null;
  };

  constructor(name: string) {
    this.name = name;
  }

  get hls(): LiveStream['hls'] {
    return {
      renditions: this.renditions,
      multivariant: () => this.multivariant,
      playlist: (rendition) => this.playlists.get(rendition),
      lowLatency: () => undefined,
      segment: (rendition, file) => this.media.get(`${rendition}/${file}`),
    };
  }

  get images(): LiveStream['images'] {
    return {
      formats: [...this.pictures.keys()],
      widths: this.widths,
      sizeNames: this.sizeNames,
      thumbnail: async (format, size) => {
        this.askedSizes.push(size);
        return this.pictures.get(format);
      },
      immutable: (format, hash) => this.immutables.get(`${hash}.${format}`),
      preview: async () => this.previewPicture,
      storyboard: () => this.storyboardText,
      sheet: async (number) => this.sheets.get(number),
      rejected: this.rejected,
    };
  }

  /** What a snapshot answers, or throws. */
  snapshotOf: (options: SnapshotOptions) => SnapshotResource | Promise<SnapshotResource> = () => {
    throw new Error('no snapshot');
  };

  monitor: MonitorView | undefined;
  diagnosis: StreamDiagnosis = { stderr: [], restarts: [] };

  diagnose(): StreamDiagnosis {
    return this.diagnosis;
  }

  rejected: RejectedFrame[] = [];

  stillEntries: StillEntry[] = [];

  stills(query: StillsQuery): StillsPage {
    return stillsPage({ ...query, entries: this.stillEntries, baseUrl: 'https://cdn.example.org/door/stills' });
  }

  async snapshot(options: SnapshotOptions): Promise<SnapshotResource> {
    return this.snapshotOf(options);
  }

  readiness(): StreamReadiness {
    return { media: this.whyNotReady, store: this.whyNotStored };
  }

  playbackKeys: readonly PlaybackKey[] | undefined;
  /** Whoever was seen, and what players told. */
  readonly viewersSeen: ViewerId[] = [];
  readonly reports: PlayerReport[] = [];

  get audience(): LiveStream['audience'] {
    return {
      viewers: this.viewersSeen.length,
      seen: (viewer) => void this.viewersSeen.push(viewer),
      report: (report) => void this.reports.push(report),
    };
  }

  describe(): StreamDescription {
    if (this.broken) throw this.broken;
    const picture = [...this.pictures.values()][0];
    const capturedAt = picture?.capturedAt;
    return {
      name: this.name,
      origin: 'config',
      source: { kind: this.sourceKind, url: this.sourceKind, warnings: [] },
      state: this.state,
      reason: this.reason,
      nextAttemptAt: null,
      since: new Date(0).toISOString(),
      viewers: this.viewersSeen.length,
      playback: {
        access: this.playbackKeys === undefined ? 'open' : 'signed',
        hls: `/live/${this.name}/index.m3u8`,
        thumbnail: `/live/${this.name}/thumbnail.jpg`,
        thumbnailImmutable: null,
        preview: `/live/${this.name}/preview.webp`,
        storyboard: `/live/${this.name}/storyboard.vtt`,
      },
      thumbnail: {
        capturedAt: capturedAt === undefined ? null : new Date(capturedAt).toISOString(),
        ageSeconds: capturedAt === undefined ? null : Math.floor((Date.now() - capturedAt) / 1000),
        state: picture?.state ?? 'offline',
        width: null,
        height: null,
        bytes: picture?.body.byteLength ?? null,
        captured: 0,
        decode: { mode: 'keyframes', reason: 'configured', keyframeIntervalSeconds: null },
        dropped: 0,
        rejected: 0,
        failed: 0,
        decoderErrors: 0,
        gate: null,
        placeholder: null,
        dominantColour: null,
        ...this.thumbnailFacts,
      },
      hls: {
        segments: this.media.size,
        windowBytes: 0,
        windowSeconds: 0,
        mediaSequence: 0,
        discontinuitySequence: 0,
        aligned: true,
        audio: null,
        renditions: [],
        ...this.hlsFacts,
      },
      storage: {
        type: 'memory',
        state: null,
        store: null,
        playback: null,
        backlogBytes: 0,
        uploaded: 0,
        failed: 0,
        playlistLagSeconds: null,
        lastError: null,
      },
      monitor: null,
      webrtc: null,
      ffmpeg: { pid: null, restarts: 0, speed: null, fps: null },
    };
  }
}

/** A directory of the streams that are in the list at the time of asking. */
export function fakeDirectory(streams: readonly FakeStream[]): StreamDirectory {
  return { list: () => streams, get: (name) => streams.find((stream) => stream.name === name) };
}

/** A playlist with the ETag of its text. */
export function playlistOf(body: string, modifiedAt = Date.now()): PlaylistResource {
  return { body, etag: etagOf(body), modifiedAt };
}

/** A media segment with the ETag of its bytes. */
export function mediaOf(body: Uint8Array, contentType = 'video/mp2t', modifiedAt = Date.now()): MediaResource {
  return { body, contentType, etag: etagOf(body), modifiedAt };
}

/** A picture, by default fresh and taken now. */
export function pictureOf(body: Uint8Array, options: Partial<ImageResource> = {}): ImageResource {
  const now = Date.now();
  return {
    body,
    contentType: 'image/jpeg',
    etag: etagOf(body),
    modifiedAt: now,
    capturedAt: now,
    state: 'fresh',
    maxAgeSeconds: 5,
    ...options,
  };
}

function etagOf(body: Uint8Array | string): string {
  return `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
}
