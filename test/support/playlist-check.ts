/**
 * A strict reading of RFC 8216bis, independent of the project's own parser and renderer. Everything that it does not
 * know is an error.
 */
interface CheckedEntry {
  readonly sequence: number;
  /** Absolute: EXT-X-DISCONTINUITY-SEQUENCE plus the discontinuities up to this entry. */
  readonly discontinuityNumber: number;
  readonly discontinuity: boolean;
  readonly uri: string;
  readonly initUri: string | undefined;
  readonly durationSeconds: number;
  /** Stated or derived; milliseconds since the epoch. */
  readonly dateMs: number;
  /** Empty where none are listed (any more). */
  readonly parts: readonly CheckedPart[];
}

interface CheckedPart {
  readonly uri: string;
  readonly durationSeconds: number;
  readonly isIndependent: boolean;
}

/** What a low-latency playlist says beside its segments. */
interface CheckedLowLatency {
  readonly partTargetSeconds: number;
  readonly holdBackSeconds: number;
  /** Of the segment that is not complete yet. */
  readonly openParts: readonly CheckedPart[];
  /** The part that is announced as the next one. */
  readonly hint: string | undefined;
  readonly reports: readonly { readonly uri: string; readonly lastSequence: number; readonly lastPart: number }[];
}

export interface CheckedPlaylist {
  readonly version: number;
  readonly targetDurationSeconds: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly ended: boolean;
  readonly entries: readonly CheckedEntry[];
  readonly lowLatency: CheckedLowLatency | undefined;
}

export interface PlaylistCheckerOptions {
  /** A stream that ended may go on with another session. */
  readonly mayReopen?: boolean;
}

export interface PlaylistChecker {
  /** Checks one poll by itself and against all polls before; throws with the reason. */
  check(text: string): CheckedPlaylist;
}

const toleranceMs = 50;

export function createPlaylistChecker(options: PlaylistCheckerOptions = {}): PlaylistChecker {
  const seen = new Map<number, CheckedEntry>();
  const numberOf = new Map<string, number>();
  const parts = new Map<string, CheckedPart>();
  let before: CheckedPlaylist | undefined;
  return {
    check(text) {
      const now = readStrictly(text);
      for (const entry of now.entries) {
        const known = seen.get(entry.sequence);
        if (known !== undefined) {
          sameEntry(known, entry);
        }
        const number = numberOf.get(entry.uri);
        must(
          number === undefined || number === entry.sequence,
          `${entry.uri} was number ${number}, is ${entry.sequence}`,
        );
        seen.set(entry.sequence, entry);
        numberOf.set(entry.uri, entry.sequence);
      }
      for (const [place, part] of partsByPlace(now)) {
        const known = parts.get(place) ?? part;
        must(known.uri === part.uri, `part ${place} was ${known.uri}, is ${part.uri}`);
        must(known.durationSeconds === part.durationSeconds, `part ${place} changed its duration`);
        parts.set(place, part);
      }
      const previous = before;
      // What follows a fault is judged by itself.
      before = now;
      if (previous !== undefined) {
        follows(previous, now, options.mayReopen ?? false);
      }
      return now;
    },
  };
}

function sameEntry(known: CheckedEntry, entry: CheckedEntry): void {
  const number = entry.sequence;
  must(known.uri === entry.uri, `segment ${number} was ${known.uri}, is ${entry.uri}`);
  must(known.durationSeconds === entry.durationSeconds, `segment ${number} changed its duration`);
  must(known.initUri === entry.initUri, `segment ${number} changed its EXT-X-MAP`);
  must(known.discontinuity === entry.discontinuity, `segment ${number} changed its EXT-X-DISCONTINUITY`);
  must(
    known.discontinuityNumber === entry.discontinuityNumber,
    `segment ${number} had discontinuity number ${known.discontinuityNumber}, has ${entry.discontinuityNumber}`,
  );
  must(Math.abs(known.dateMs - entry.dateMs) <= toleranceMs, `segment ${number} changed its date`);
}

function follows(before: CheckedPlaylist, now: CheckedPlaylist, mayReopen: boolean): void {
  must(now.mediaSequence >= before.mediaSequence, 'EXT-X-MEDIA-SEQUENCE went back');
  must(now.discontinuitySequence >= before.discontinuitySequence, 'EXT-X-DISCONTINUITY-SEQUENCE went back');
  must(now.targetDurationSeconds >= before.targetDurationSeconds, 'EXT-X-TARGETDURATION shrank');
  const end = (playlist: CheckedPlaylist): number => playlist.mediaSequence + playlist.entries.length;
  must(end(now) >= end(before), 'segments were taken away from the end');
  if (before.ended && !mayReopen) {
    must(now.ended && end(now) === end(before), 'the playlist changed after EXT-X-ENDLIST');
  }
  const last = before.entries.at(-1);
  if (last !== undefined && now.mediaSequence > last.sequence) {
    must(now.discontinuitySequence >= last.discontinuityNumber, 'EXT-X-DISCONTINUITY-SEQUENCE forgot some that left');
  }
  // A new broadcast after the end of the last one begins with its first segment.
  if (now.mediaSequence > before.mediaSequence && !now.ended && !before.ended) {
    const seconds = now.entries.reduce((sum, entry) => sum + entry.durationSeconds, 0);
    must(
      seconds >= 3 * now.targetDurationSeconds - 1e-6,
      `segments were removed, and what is left (${seconds} s) is shorter than three target durations`,
    );
  }
}

/** By the number of the segment and the index of the part. */
function partsByPlace({ entries, mediaSequence, lowLatency }: CheckedPlaylist): Map<string, CheckedPart> {
  const open = { sequence: mediaSequence + entries.length, parts: lowLatency?.openParts ?? [] };
  return new Map(
    [...entries, open].flatMap(({ sequence, parts }) =>
      parts.map((part, index) => [`${sequence}.${index}`, part] as const),
    ),
  );
}

/**
 * RFC 8216bis 4.4.4.9: no part is longer than the part target, and all but the last of a segment have 85 % of it. Where a source
 * paused, one frame lasts longer than a part: then it alone makes the target.
 */
function checkParts(segments: readonly (readonly CheckedPart[])[], partTarget: number | undefined): void {
  const all = segments.flat();
  must(all.length === 0 || partTarget !== undefined, 'EXT-X-PART without EXT-X-PART-INF');
  const target = partTarget ?? 0;
  const seconds = all.map(({ durationSeconds }) => durationSeconds).sort((one, other) => one - other);
  const usual = seconds[seconds.length >> 1] ?? 0;
  const isPaused = (seconds.at(-1) ?? 0) >= target - 0.002 && target > 1.2 * usual;
  for (const [at, parts] of segments.entries()) {
    for (const [index, { uri, durationSeconds }] of parts.entries()) {
      const isLast = at < segments.length - 1 && index === parts.length - 1;
      must(
        durationSeconds <= target + 0.0005,
        `${uri} (${durationSeconds} s) is longer than the part target ${target}`,
      );
      const isLongEnough = isLast || isPaused || durationSeconds >= 0.85 * target - 0.0005;
      must(isLongEnough, `${uri} (${durationSeconds} s) is too short for the part target ${target}`);
    }
  }
}

function readPart(value: string, line: string): CheckedPart {
  const attributes = attributeList(value);
  const uri = /^"([^"]+)"$/.exec(attributes.get('URI') ?? '')?.[1] ?? '';
  const duration = attributes.get('DURATION') ?? '';
  must(uri !== '' && /^\d+(\.\d+)?$/.test(duration), `not an EXT-X-PART: ${line}`);
  must(/^(YES)?$/.test(attributes.get('INDEPENDENT') ?? ''), `not an EXT-X-PART: ${line}`);
  return { uri, durationSeconds: Number(duration), isIndependent: attributes.has('INDEPENDENT') };
}

const headerTags = ['VERSION', 'TARGETDURATION', 'MEDIA-SEQUENCE', 'DISCONTINUITY-SEQUENCE', 'PLAYLIST-TYPE'];

function readStrictly(text: string): CheckedPlaylist {
  must(text.startsWith('#EXTM3U\n'), 'the first line is not #EXTM3U');
  must(text.endsWith('\n'), 'the last line has no end');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: playlists must not contain them
  must(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufeff]/.test(text), 'a control character');
  const lines = text.slice(0, -1).split('\n').slice(1);
  const header = new Map<string, string>();
  const entries: CheckedEntry[] = [];
  let map: string | undefined;
  let mapTags = 0;
  let independent = 0;
  let ended = false;
  let discontinuities = 0;
  let decimals = false;
  let gaps = false;
  let parts: CheckedPart[] = [];
  let partTarget: number | undefined;
  let control: Map<string, string> | undefined;
  let hint: string | undefined;
  const reports: { uri: string; lastSequence: number; lastPart: number }[] = [];
  let next = { extinf: undefined as number | undefined, date: undefined as number | undefined, discontinuity: false };
  for (const line of lines) {
    must(line === line.trim() && line !== '', `an empty line or spaces around: ${JSON.stringify(line)}`);
    must(!ended, `a line after EXT-X-ENDLIST: ${line}`);
    must(
      reports.length === 0 || /^#EXT-X-(RENDITION-REPORT|ENDLIST)/.test(line),
      `a line after EXT-X-RENDITION-REPORT: ${line}`,
    );
    must(hint === undefined || /^#EXT-X-RENDITION-REPORT:/.test(line), `a line after EXT-X-PRELOAD-HINT: ${line}`);
    if (!line.startsWith('#')) {
      must(next.extinf !== undefined, `${line} has no EXTINF`);
      must(!entries.some((entry) => entry.uri === line), `${line} is listed twice`);
      must(map !== undefined || !/\.(m4s|mp4)$/.test(line), `${line} has no EXT-X-MAP`);
      const previous = entries.at(-1);
      const derived = previous === undefined ? undefined : previous.dateMs + previous.durationSeconds * 1000;
      must(
        next.date !== undefined || (derived !== undefined && !next.discontinuity),
        `${line} needs EXT-X-PROGRAM-DATE-TIME: it is the first or follows a discontinuity`,
      );
      const dateMs = next.date ?? (derived as number);
      // Across a discontinuity another clock may date the segments, so there they may overlap but not go back.
      const earliest = next.discontinuity ? previous?.dateMs : derived;
      must(earliest === undefined || dateMs >= earliest - toleranceMs, `${line} is dated before its predecessor's end`);
      discontinuities += next.discontinuity ? 1 : 0;
      entries.push({
        sequence: whole(header, 'MEDIA-SEQUENCE', 0) + entries.length,
        discontinuityNumber: whole(header, 'DISCONTINUITY-SEQUENCE', 0) + discontinuities,
        discontinuity: next.discontinuity,
        uri: line,
        initUri: map,
        durationSeconds: next.extinf as number,
        dateMs,
        parts,
      });
      const joined = parts.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0);
      must(
        parts.length === 0 || Math.abs(joined - (next.extinf as number)) <= 0.001 * (parts.length + 1),
        `the parts of ${line} last ${joined} s`,
      );
      parts = [];
      next = { extinf: undefined, date: undefined, discontinuity: false };
      continue;
    }
    const [, tag = '', value] = /^#(EXT[A-Z0-9-]*)(?::(.*))?$/.exec(line) ?? [];
    const name = tag.replace(/^EXT-X-/, '');
    if (headerTags.includes(name) && tag.startsWith('EXT-X-')) {
      must(!header.has(name), `${tag} appears twice`);
      must(entries.length === 0 && next.extinf === undefined, `${tag} after a segment`);
      must(name !== 'DISCONTINUITY-SEQUENCE' || !next.discontinuity, `${tag} after EXT-X-DISCONTINUITY`);
      header.set(name, value ?? '');
    } else if (tag === 'EXTINF') {
      must(next.extinf === undefined, 'two EXTINF for one segment');
      const [, number = '', fraction] = /^(\d+(\.\d+)?),/.exec(value ?? '') ?? [];
      must(number !== '', `not an EXTINF: ${line}`);
      decimals ||= fraction !== undefined;
      next.extinf = Number(number);
    } else if (tag === 'EXT-X-PROGRAM-DATE-TIME') {
      must(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value ?? ''), `not a date with milliseconds: ${line}`);
      next.date = Date.parse(value ?? '');
    } else if (tag === 'EXT-X-MAP') {
      map = /^URI="([^"]+)"$/.exec(value ?? '')?.[1];
      mapTags += 1;
      must(map !== undefined, `not an EXT-X-MAP: ${line}`);
    } else if (line === '#EXT-X-DISCONTINUITY') {
      must(!next.discontinuity, 'two EXT-X-DISCONTINUITY for one segment');
      next.discontinuity = true;
    } else if (line === '#EXT-X-INDEPENDENT-SEGMENTS') {
      independent += 1;
      must(independent === 1 && entries.length === 0, 'EXT-X-INDEPENDENT-SEGMENTS twice or late');
    } else if (tag === 'EXT-X-SERVER-CONTROL') {
      must(control === undefined && entries.length === 0, 'EXT-X-SERVER-CONTROL twice or late');
      control = attributeList(value ?? '');
    } else if (tag === 'EXT-X-PART-INF') {
      must(partTarget === undefined && entries.length === 0, 'EXT-X-PART-INF twice or late');
      partTarget = Number(attributeList(value ?? '').get('PART-TARGET'));
      must(partTarget > 0, `not an EXT-X-PART-INF: ${line}`);
    } else if (tag === 'EXT-X-PART') {
      must(next.extinf === undefined, `${tag} behind EXTINF`);
      parts.push(readPart(value ?? '', line));
    } else if (tag === 'EXT-X-PRELOAD-HINT') {
      const attributes = attributeList(value ?? '');
      must(attributes.get('TYPE') === 'PART', `not a hint of a part: ${line}`);
      hint = /^"([^"]+)"$/.exec(attributes.get('URI') ?? '')?.[1];
      must(hint !== undefined && !parts.some(({ uri }) => uri === hint), `a hint of what is there: ${line}`);
    } else if (tag === 'EXT-X-RENDITION-REPORT') {
      const attributes = attributeList(value ?? '');
      const uri = /^"([^"]+)"$/.exec(attributes.get('URI') ?? '')?.[1] ?? '';
      const [lastSequence, lastPart] = [Number(attributes.get('LAST-MSN')), Number(attributes.get('LAST-PART'))];
      must(uri !== '' && Number.isInteger(lastSequence) && Number.isInteger(lastPart), `not a report: ${line}`);
      reports.push({ uri, lastSequence, lastPart });
    } else if (line === '#EXT-X-ENDLIST') {
      ended = true;
    } else if (line === '#EXT-X-GAP') {
      gaps = true;
    } else {
      must(false, `a tag that nobody knows: ${line}`);
    }
  }
  // Before the parts of a segment that is not complete yet.
  const isOpen = parts.length > 0;
  must(
    next.extinf === undefined && (isOpen || (next.date === undefined && !next.discontinuity)),
    'tags without a segment at the end',
  );
  checkParts([...entries.map((entry) => entry.parts), parts], partTarget);
  const version = whole(header, 'VERSION', 1);
  must(version >= (gaps ? 8 : mapTags > 0 ? 6 : decimals ? 3 : 1), `version ${version} is too low for what is used`);
  must(/^(EVENT|VOD)$/.test(header.get('PLAYLIST-TYPE') ?? 'VOD'), 'an unknown EXT-X-PLAYLIST-TYPE');
  const targetDurationSeconds = whole(header, 'TARGETDURATION', 0);
  must(targetDurationSeconds > 0, 'no EXT-X-TARGETDURATION');
  for (const entry of entries) {
    must(
      Math.round(entry.durationSeconds) <= targetDurationSeconds,
      `${entry.uri} (${entry.durationSeconds} s) is longer than the target duration ${targetDurationSeconds}`,
    );
  }
  const lowLatency = checkedControl({ control, partTarget, targetDurationSeconds, openParts: parts, hint, reports });
  must(!ended || hint === undefined, 'EXT-X-PRELOAD-HINT in a playlist that has ended');
  return {
    version,
    targetDurationSeconds,
    mediaSequence: whole(header, 'MEDIA-SEQUENCE', 0),
    discontinuitySequence: whole(header, 'DISCONTINUITY-SEQUENCE', 0),
    ended,
    entries,
    lowLatency,
  };
}

interface Control extends Pick<CheckedLowLatency, 'openParts' | 'hint' | 'reports'> {
  readonly control: ReadonlyMap<string, string> | undefined;
  readonly partTarget: number | undefined;
  readonly targetDurationSeconds: number;
}

/** RFC 8216bis 4.4.3.8 and B.1. */
function checkedControl({
  control,
  partTarget,
  targetDurationSeconds,
  ...rest
}: Control): CheckedLowLatency | undefined {
  if (partTarget === undefined) {
    must(rest.hint === undefined && rest.reports.length === 0, 'tags of low latency without EXT-X-PART-INF');
    return undefined;
  }
  const number = (name: string) => Number(control?.get(name));
  must(control?.get('CAN-BLOCK-RELOAD') === 'YES', 'parts without CAN-BLOCK-RELOAD');
  must(number('PART-HOLD-BACK') >= 3 * partTarget - 0.001, 'PART-HOLD-BACK is less than three part targets');
  must(
    !control?.has('CAN-SKIP-UNTIL') || number('CAN-SKIP-UNTIL') >= 6 * targetDurationSeconds,
    'CAN-SKIP-UNTIL is less than six target durations',
  );
  must(
    !control?.has('HOLD-BACK') || number('HOLD-BACK') >= 3 * targetDurationSeconds,
    'HOLD-BACK is less than three target durations',
  );
  return { partTargetSeconds: partTarget, holdBackSeconds: number('PART-HOLD-BACK'), ...rest };
}

export interface CheckedVariant {
  readonly uri: string;
  readonly bandwidth: number;
  readonly averageBandwidth: number | undefined;
  readonly codecs: string | undefined;
  readonly resolution: string | undefined;
  readonly frameRate: number | undefined;
}

/** A strict reading of a multivariant playlist; throws with the reason. */
export function checkMultivariant(text: string): CheckedVariant[] {
  must(text.startsWith('#EXTM3U\n') && text.endsWith('\n'), 'no #EXTM3U, or no end of the last line');
  const variants: CheckedVariant[] = [];
  let attributes: Map<string, string> | undefined;
  for (const line of text.slice(0, -1).split('\n').slice(1)) {
    if (line.startsWith('#EXT-X-STREAM-INF:')) {
      must(attributes === undefined, 'two EXT-X-STREAM-INF for one URI');
      attributes = attributeList(line.slice('#EXT-X-STREAM-INF:'.length));
    } else if (!line.startsWith('#')) {
      must(attributes !== undefined && line !== '', `a URI without EXT-X-STREAM-INF: ${line}`);
      variants.push(variant(line, attributes as Map<string, string>));
      attributes = undefined;
    } else {
      must(/^#EXT-X-(VERSION:\d+|INDEPENDENT-SEGMENTS)$/.test(line), `a tag that nobody knows: ${line}`);
    }
  }
  must(attributes === undefined, 'EXT-X-STREAM-INF without a URI');
  must(variants.length > 0, 'no variant stream');
  return variants;
}

function variant(uri: string, attributes: ReadonlyMap<string, string>): CheckedVariant {
  const text = (name: string, pattern: RegExp): string | undefined => {
    const value = attributes.get(name);
    must(value === undefined || pattern.test(value), `${name}=${value}`);
    return value?.replace(/^"|"$/g, '');
  };
  const number = (name: string, pattern: RegExp): number | undefined => {
    const value = text(name, pattern);
    return value === undefined ? undefined : Number(value);
  };
  const bandwidth = number('BANDWIDTH', /^[1-9]\d*$/);
  const averageBandwidth = number('AVERAGE-BANDWIDTH', /^[1-9]\d*$/);
  must(bandwidth !== undefined, 'no BANDWIDTH');
  must((averageBandwidth ?? 0) <= (bandwidth as number), 'AVERAGE-BANDWIDTH is more than BANDWIDTH');
  return {
    uri,
    bandwidth: bandwidth as number,
    averageBandwidth,
    codecs: text('CODECS', /^"[A-Za-z0-9.-]+(,[A-Za-z0-9.-]+)*"$/),
    resolution: text('RESOLUTION', /^[1-9]\d*x[1-9]\d*$/),
    frameRate: number('FRAME-RATE', /^\d+\.\d{3}$/),
  };
}

function attributeList(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  const pattern = /([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)/y;
  while (pattern.lastIndex < text.length) {
    const [, name, value] = pattern.exec(text) ?? [];
    must(name !== undefined && value !== undefined && !attributes.has(name), `not an attribute list: ${text}`);
    attributes.set(name as string, value as string);
  }
  return attributes;
}

function whole(header: ReadonlyMap<string, string>, name: string, fallback: number): number {
  const text = header.get(name) ?? String(fallback);
  must(/^\d+$/.test(text), `EXT-X-${name} is ${text}`);
  return Number(text);
}

function must(holds: boolean, reason: string): void {
  if (!holds) {
    throw new Error(`Not a correct playlist: ${reason}`);
  }
}
