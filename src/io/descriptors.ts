import { readFile } from 'node:fs/promises';

/** What the node itself has open: listeners, libraries, the store's connections. */
const OF_THE_NODE = 128;
/**
 * What a stream needs at most: both ends of its pipes while ffmpeg starts, its connections on loopback, its uploads. Each start of
 * ffmpeg needs them at once, or the stream fails.
 */
const OF_A_STREAM = 40;
/** Streams that may come beside those that there are. */
const SPARE_STREAMS = 2;
/** With fewer connections a node is of little use. */
const LEAST_CONNECTIONS = 16;
const COMFORTABLE_CONNECTIONS = 256;

/** How many files this process may have open; undefined where the system does not say. */
export async function readDescriptorLimit(path = '/proc/self/limits'): Promise<number | undefined> {
  return parseDescriptorLimit(await readFile(path, 'utf8').catch(() => ''));
}

/** The soft limit in a file such as /proc/self/limits. */
export function parseDescriptorLimit(text: string): number | undefined {
  const soft = /^Max open files +(\d+|unlimited) /m.exec(text)?.[1];
  return soft === undefined || soft === 'unlimited' ? undefined : Number(soft);
}

/** Of all descriptors, connections of RTMP may have one in so many. */
const RTMP_SHARE = 8;
const MOST_RTMP_CONNECTIONS = 1024;

/** How many connections of publishers, admitted or not yet, fit at a time. */
export function rtmpBudget(limit: number | undefined): number {
  if (limit === undefined) return MOST_RTMP_CONNECTIONS;
  return Math.min(MOST_RTMP_CONNECTIONS, Math.max(LEAST_CONNECTIONS, Math.floor(limit / RTMP_SHARE)));
}

/** What is not for viewers. */
function reserved(limit: number, streams: number): number {
  return OF_THE_NODE + rtmpBudget(limit) + OF_A_STREAM * (streams + SPARE_STREAMS);
}

/** How many connections of viewers fit beside the streams. */
export function connectionBudget(limit: number | undefined, streams: number): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(LEAST_CONNECTIONS, limit - reserved(limit, streams));
}

/** Why the limit is too low, and what to do. */
export interface DescriptorProblem {
  /** Not even the streams fit: some would not start. */
  readonly isFatal: boolean;
  readonly detail: string;
  readonly remedy: string;
}

/** What is wrong with the limit, for the log and for doctor; undefined where it is high enough. */
export function descriptorProblem(limit: number | undefined, streams: number): DescriptorProblem | undefined {
  if (limit === undefined || connectionBudget(limit, streams) >= COMFORTABLE_CONNECTIONS) return undefined;
  // Publishers have a share of what is added, too.
  const own = OF_THE_NODE + OF_A_STREAM * (streams + SPARE_STREAMS) + COMFORTABLE_CONNECTIONS;
  const needed = Math.ceil((own * RTMP_SHARE) / (RTMP_SHARE - 1));
  const used = streams === 1 ? '1 stream leaves' : `${streams} streams leave`;
  return {
    isFatal: limit < OF_THE_NODE + OF_A_STREAM * streams,
    detail: `this process may open ${limit} files, of which ${used} ${connectionBudget(limit, streams)} for connections`,
    remedy: `Raise the limit to ${needed} or more (ulimit -n, LimitNOFILE in systemd, --ulimit in Docker).`,
  };
}
