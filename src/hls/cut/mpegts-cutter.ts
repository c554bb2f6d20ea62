import { notMedia } from './boxes.js';
import { codedBytesOfPacket } from './coded-bytes.js';
import { CutTiming, type CutTimingOptions } from './cut-timing.js';
import type { CutPart, Cutter } from './cutter.js';
import { insertIntoPacket, raiseCounter } from './mpegts-insert.js';
import { delimiterBytes, inByteStream, ParameterSets, UnitHead } from './mpegts-unit-head.js';
import type { NalCodec } from './nal-units.js';
import { PartMemory } from './part-memory.js';
import { TimelineSteps } from './timeline-steps.js';

/** ISO/IEC 13818-1 2.4.3.2. */
const PACKET_BYTES = 188;
const SYNC_BYTE = 0x47;
const NULL_PID = 0x1fff;
/** Tables other than PAT and PMT, such as service descriptions. */
const LAST_TABLE_PID = 0x1f;
/** PES timestamps have 33 bits of 90 kHz. */
const CLOCK_HZ = 90_000;
const WRAP = 2 ** 33;
/** A unit's duration is known when the next one arrives; until then this value is assumed. */
const USUAL_FRAME_SECONDS = 0.04;

/** PAT and PMT, one packet each. */
const TABLE_BYTES = 2 * PACKET_BYTES;

interface Program {
  readonly pmtPid: number;
  readonly leadPid: number;
  /** The codec of the lead; undefined if it has no NAL units. */
  readonly codec: NalCodec | undefined;
  readonly isVideo: boolean;
}

/** Reads the start of the lead's access units if they consist of NAL units. */
interface LeadUnits {
  readonly codec: NalCodec;
  readonly head: UnitHead;
  readonly sets: ParameterSets;
}

/** One access unit of the lead, of which only the time and the start are known. */
interface Unit {
  readonly dtsSeconds: number;
  readonly ptsSeconds: number;
  readonly isKey: boolean;
  isIndependent: boolean;
  /** See `CodedUnit`: the bytes so far. */
  bytes: number;
}

/**
 * Cuts MPEG-TS into parts at the packets that start access units of the leading track. Each part starts with PAT and PMT, so that it can be
 * decoded independently; the muxer's own tables are dropped. Parts that a decoder may start with also start with the parameter sets, which
 * some sources send only once. Pure.
 */
export class MpegTsCutter implements Cutter {
  readonly #timing: CutTiming;
  readonly #steps = new TimelineSteps();
  readonly #rest = new Uint8Array(PACKET_BYTES);
  #restBytes = 0;
  #pat: Uint8Array | undefined;
  #pmt: Uint8Array | undefined;
  #tableCount = 0;
  #program: Program | undefined;
  #leadUnits: LeadUnits | undefined;
  /** The offset added to the continuity counters of the lead's packets. */
  #raisedBy = 0;
  /** The packets of the open part, after its tables. */
  readonly #memory = new PartMemory();
  #open:
    | {
        startSeconds: number;
        dtsSeconds: number;
        startsSegment: boolean;
        isDiscontinuity: boolean;
        first: Unit;
        readonly units: Unit[];
        keyframeSeconds: number[];
      }
    | undefined;
  #unit: Unit | undefined;
  #frameSeconds = USUAL_FRAME_SECONDS;
  #lastTicks: number | undefined;
  #isBroken = false;
  #hasParts = false;
  /** Whether the open part has packets of another track than the lead. */
  #hasAudio = false;
  /** Arrival time of the current bytes. */
  #atMs: number | undefined;

  constructor(options: CutTimingOptions) {
    this.#timing = new CutTiming(options);
  }

  push(bytes: Uint8Array, atMs?: number): CutPart[] {
    const parts: CutPart[] = [];
    this.#atMs = atMs;
    let offset = 0;
    if (this.#restBytes > 0) {
      offset = Math.min(PACKET_BYTES - this.#restBytes, bytes.length);
      this.#rest.set(bytes.subarray(0, offset), this.#restBytes);
      this.#restBytes += offset;
      if (this.#restBytes < PACKET_BYTES) return parts;
      this.#restBytes = 0;
      this.#packets(this.#rest, 0, PACKET_BYTES, parts);
    }
    const end = offset + Math.floor((bytes.length - offset) / PACKET_BYTES) * PACKET_BYTES;
    this.#packets(bytes, offset, end, parts);
    if (end < bytes.length) this.#rest.set(bytes.subarray(end));
    this.#restBytes = bytes.length - end;
    return parts;
  }

  end(): CutPart[] {
    return this.#closePart(undefined, true);
  }

  /**
   * Takes whole packets. Most of them only carry media of the open part: they are examined in place and copied as one run, because a view
   * and a copy for each of about 400 packets per second and Mbit/s would cost more than everything else.
   */
  #packets(bytes: Uint8Array, start: number, end: number, parts: CutPart[]): void {
    let runStart = start;
    for (let at = start; at < end; at += PACKET_BYTES) {
      if (bytes[at] !== SYNC_BYTE) throw notMedia('packet without a sync byte');
      const pid = ((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!;
      const isStart = (bytes[at + 1]! & 0x40) !== 0;
      const isLead = pid === this.#program?.leadPid;
      if (isLead) {
        if (!isStart) this.#count(bytes, at);
        if (!isStart && this.#leadUnits?.head.isOpen !== true) continue;
      } else if (this.#isMedia(pid)) {
        this.#hasAudio = true;
        continue;
      }
      this.#append(bytes, runStart, at);
      runStart = at + PACKET_BYTES;
      if (isLead) this.#leadPacket(bytes.subarray(at, runStart), isStart, parts);
      else if (isStart) this.#table(bytes.subarray(at, runStart), pid);
    }
    this.#append(bytes, runStart, end);
  }

  /** Whether a packet of another track than the leading one belongs in parts, because it is not a table. */
  #isMedia(pid: number): boolean {
    return this.#program !== undefined && pid > LAST_TABLE_PID && pid !== NULL_PID && pid !== this.#program.pmtPid;
  }

  #table(packet: Uint8Array, pid: number): void {
    // Not `slice`: on a Buffer it returns a view of memory that the next read overwrites.
    if (pid === 0) this.#pat = new Uint8Array(packet);
    else if (pid === this.#pmtPid()) this.#readMap(new Uint8Array(packet));
  }

  /** A packet of the lead that starts an access unit, or belongs to the start of one. */
  #leadPacket(packet: Uint8Array, isStart: boolean, parts: CutPart[]): void {
    if (isStart) this.#startUnit(packet, this.#program!, parts);
    if (this.#open === undefined) return;
    this.#append(packet, 0, PACKET_BYTES);
    this.#readHead(packet, isStart);
  }

  /** Bytes of the lead's current unit, from `at` on in a packet that starts at `start`. */
  #count(bytes: Uint8Array, start: number, at = payloadStart(bytes, start)): void {
    if (this.#unit !== undefined) this.#unit.bytes += codedBytesOfPacket(bytes, at, start + PACKET_BYTES);
  }

  /** Packets of the open part. */
  #append(bytes: Uint8Array, start: number, end: number): void {
    if (end <= start || this.#open === undefined) return;
    this.#memory.append(bytes, start, end);
    if (this.#raisedBy > 0) this.#raiseCounters(this.#memory.length - (end - start), this.#raisedBy);
  }

  /** Packets of the lead in the open part, from `start` on. */
  #raiseCounters(start: number, by: number): void {
    const { bytes } = this.#memory;
    for (let at = start; at < bytes.length; at += PACKET_BYTES) {
      const packet = bytes.subarray(at, at + PACKET_BYTES);
      if (pidOf(packet) === this.#program!.leadPid) raiseCounter(packet, by);
    }
  }

  #pmtPid(): number | undefined {
    if (this.#program !== undefined) return this.#program.pmtPid;
    return this.#pat === undefined ? undefined : firstProgram(sectionOf(this.#pat));
  }

  #readMap(packet: Uint8Array): void {
    this.#pmt = packet;
    if (this.#program !== undefined) return;
    const lead = leadOf(sectionOf(packet));
    if (lead === undefined) throw notMedia('no track');
    this.#program = { pmtPid: this.#pmtPid()!, ...lead };
    const { codec } = lead;
    if (codec !== undefined) this.#leadUnits = { codec, head: new UnitHead(codec), sets: new ParameterSets(codec) };
  }

  /** A packet that starts an access unit of the lead: a part may end before it. */
  #startUnit(packet: Uint8Array, program: Program, parts: CutPart[]): void {
    const times = this.#readTimes(packet);
    if (times === undefined) return;
    const isKey = !program.isVideo || isRandomAccess(packet);
    this.#step(times.dtsSeconds, parts);
    // Nothing can be decoded before the first keyframe.
    if (this.#open === undefined && !this.#hasParts && !isKey) return;
    const cut = this.#timing.next({ dtsSeconds: times.dtsSeconds, durationSeconds: this.#frameSeconds, isKey });
    this.#unit = { ...times, isKey, isIndependent: isKey && program.codec === undefined, bytes: 0 };
    const payload = payloadStart(packet, 0);
    this.#count(packet, 0, Math.min(PACKET_BYTES, payload + pesHeaderBytes(packet.subarray(payload))));
    if (cut !== 'none') {
      parts.push(...this.#closePart(times.dtsSeconds, cut === 'segment'));
      this.#open = {
        startSeconds: times.ptsSeconds,
        dtsSeconds: times.dtsSeconds,
        startsSegment: cut === 'segment',
        isDiscontinuity: this.#isBroken,
        first: this.#unit,
        units: [],
        keyframeSeconds: [],
      };
      this.#isBroken = false;
      this.#beginPart(cut === 'segment');
    }
    this.#open!.units.push(this.#unit);
    if (isKey) this.#open!.keyframeSeconds.push(times.ptsSeconds);
  }

  /** Checks the step from the previous unit. */
  #step(dtsSeconds: number, parts: CutPart[]): void {
    const previous = this.#unit;
    if (previous === undefined) return;
    const seconds = dtsSeconds - previous.dtsSeconds;
    if (this.#steps.isJump({ seconds, usualSeconds: this.#timing.usualFrameSeconds, atMs: this.#atMs })) {
      parts.push(...this.#closePart(undefined, true));
      this.#timing.jump();
      this.#isBroken = this.#hasParts;
    } else if (seconds > 0) {
      this.#frameSeconds = seconds;
    }
  }

  #beginPart(startsSegment: boolean): void {
    this.#hasAudio = false;
    this.#memory.begin(startsSegment);
    for (const table of [this.#pat!, this.#pmt!]) {
      // ISO/IEC 13818-1 2.4.3.3: the continuity counter increases with each packet of a PID.
      table[3] = (table[3]! & 0xf0) | (this.#tableCount & 0x0f);
      this.#memory.append(table);
    }
    this.#tableCount += 1;
  }

  /** Whether decoding can start with a unit, according to its first slice. */
  #readHead(packet: Uint8Array, isStart: boolean): void {
    const lead = this.#leadUnits;
    const unit = this.#unit;
    if (lead === undefined || unit === undefined) return;
    const payload = payloadOf(packet);
    if (isStart) lead.head.begin();
    const start = lead.head.push(isStart ? payload.subarray(pesHeaderBytes(payload)) : payload);
    if (start === undefined) return;
    unit.isIndependent = unit.isKey && start.isIndependent;
    unit.bytes = Math.max(0, unit.bytes - lead.head.bytesBeforeSlice);
    const missing = lead.sets.missing(start);
    const { first, startsSegment } = this.#open!;
    if (missing.length > 0 && first === unit && (unit.isKey || startsSegment))
      this.#insert(inByteStream(missing), lead);
  }

  /** Inserts bytes before the first frame of the open part, after its delimiter. */
  #insert(bytes: Uint8Array, { codec }: LeadUnits): void {
    const end = TABLE_BYTES + PACKET_BYTES;
    const packet = this.#memory.bytes.slice(TABLE_BYTES, end);
    const pes = payloadOf(packet);
    const offset = Math.min(pesHeaderBytes(pes), pes.length);
    const before = offset + delimiterBytes(pes.subarray(offset), codec);
    lengthenPes(pes, bytes.length);
    const packets = insertIntoPacket(packet, PACKET_BYTES - pes.length + before, bytes);
    this.#memory.replace(TABLE_BYTES, end, packets);
    const count = packets.length / PACKET_BYTES - 1;
    this.#raisedBy = (this.#raisedBy + count) & 0x0f;
    this.#raiseCounters(TABLE_BYTES + packets.length, count);
  }

  #closePart(endSeconds: number | undefined, endsSegment: boolean): CutPart[] {
    const part = this.#open;
    this.#open = undefined;
    if (part === undefined) return [];
    const bytes = this.#memory.end();
    this.#hasParts = true;
    const lastSeconds = (this.#unit?.dtsSeconds ?? part.dtsSeconds) + this.#frameSeconds;
    const durationSeconds = (endSeconds ?? lastSeconds) - part.dtsSeconds;
    return [
      {
        bytes,
        durationSeconds,
        partTargetSeconds: this.#timing.partTargetSeconds ?? durationSeconds,
        startSeconds: part.startSeconds,
        frames: part.units.length,
        units: part.units.map(({ isKey, bytes }) => ({ isKey, bytes })),
        keyframeSeconds: part.keyframeSeconds,
        isIndependent: part.first.isIndependent,
        startsSegment: part.startsSegment,
        endsSegment,
        isDiscontinuity: part.isDiscontinuity,
        hasAudio: this.#hasAudio,
        init: undefined,
      },
    ];
  }

  /** The times in a PES header, on a timeline without wraps. Undefined if there are none. */
  #readTimes(packet: Uint8Array): { ptsSeconds: number; dtsSeconds: number } | undefined {
    const pes = payloadOf(packet);
    if (pes.length < 14 || pes[0] !== 0 || pes[1] !== 0 || pes[2] !== 1 || (pes[7]! & 0x80) === 0) return undefined;
    const pts = timestampAt(pes, 9);
    const hasDts = (pes[7]! & 0x40) !== 0 && pes.length >= 19;
    const dts = this.#unwrap(hasDts ? timestampAt(pes, 14) : pts);
    this.#lastTicks = dts;
    const ahead = (pts - (dts % WRAP) + WRAP + WRAP) % WRAP;
    const composition = ahead > WRAP / 2 ? ahead - WRAP : ahead;
    return { dtsSeconds: dts / CLOCK_HZ, ptsSeconds: (dts + composition) / CLOCK_HZ };
  }

  #unwrap(ticks: number): number {
    const last = this.#lastTicks;
    if (last === undefined) return ticks;
    const turns = Math.round((last - ticks) / WRAP);
    return ticks + turns * WRAP;
  }
}

function pidOf(packet: Uint8Array): number {
  return ((packet[1]! & 0x1f) << 8) | packet[2]!;
}

function payloadOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(payloadStart(packet, 0));
}

/** The start of a packet's payload, or the end of the packet if it has none. */
function payloadStart(bytes: Uint8Array, start: number): number {
  const control = (bytes[start + 3]! >> 4) & 3;
  if ((control & 1) === 0) return start + PACKET_BYTES;
  return Math.min(start + PACKET_BYTES, start + (control === 3 ? 5 + bytes[start + 4]! : 4));
}

/** ISO/IEC 13818-1 2.4.3.6. */
function pesHeaderBytes(pes: Uint8Array): number {
  return 9 + (pes[8] ?? 0);
}

/** ISO/IEC 13818-1 2.4.3.7: 0, for an unspecified length, is allowed only for video. */
function lengthenPes(pes: Uint8Array, by: number): void {
  const length = (pes[4]! << 8) | pes[5]!;
  if (length === 0) return;
  const longer = length + by > 0xffff ? 0 : length + by;
  pes[4] = longer >> 8;
  pes[5] = longer & 0xff;
}

/** ISO/IEC 13818-1 2.4.3.4: random_access_indicator, which ffmpeg sets on keyframes. */
function isRandomAccess(packet: Uint8Array): boolean {
  const hasAdaptation = (packet[3]! & 0x20) !== 0;
  return hasAdaptation && packet[4]! > 0 && (packet[5]! & 0x40) !== 0;
}

/** ISO/IEC 13818-1 2.4.3.7: 33 bits in five bytes. */
function timestampAt(pes: Uint8Array, offset: number): number {
  const high = ((pes[offset]! >> 1) & 7) * 2 ** 30 + (pes[offset + 1]! << 22);
  return high + ((pes[offset + 2]! >> 1) << 15) + (pes[offset + 3]! << 7) + (pes[offset + 4]! >> 1);
}

/** A table section without its pointer field and its checksum. */
function sectionOf(packet: Uint8Array): Uint8Array {
  const payload = payloadOf(packet);
  const section = payload.subarray(1 + (payload[0] ?? 0));
  const length = (((section[1] ?? 0) & 0x0f) << 8) | (section[2] ?? 0);
  return section.subarray(0, Math.max(0, 3 + length - 4));
}

/** The PMT's PID of the first program in a PAT; number 0 is the network information table. */
function firstProgram(section: Uint8Array): number | undefined {
  for (let offset = 8; offset + 4 <= section.length; offset += 4) {
    const isProgram = section[offset] !== 0 || section[offset + 1] !== 0;
    if (isProgram) return ((section[offset + 2]! & 0x1f) << 8) | section[offset + 3]!;
  }
  return undefined;
}

/** ISO/IEC 13818-1 table 2-34. */
const NAL_TYPES: ReadonlyMap<number, NalCodec> = new Map([
  [0x1b, 'avc'],
  [0x24, 'hevc'],
]);
const OTHER_VIDEO_TYPES: ReadonlySet<number> = new Set([0x01, 0x02, 0x10, 0x20, 0x21, 0x42, 0xea, 0xd1]);

/** The track that determines the cuts: the first video track, otherwise the first track. */
function leadOf(section: Uint8Array): Omit<Program, 'pmtPid'> | undefined {
  const tracks: Omit<Program, 'pmtPid'>[] = [];
  let offset = 12 + (((section[10] ?? 0) & 0x0f) << 8) + (section[11] ?? 0);
  while (offset + 5 <= section.length) {
    const type = section[offset]!;
    const codec = NAL_TYPES.get(type);
    const leadPid = ((section[offset + 1]! & 0x1f) << 8) | section[offset + 2]!;
    tracks.push({ leadPid, codec, isVideo: codec !== undefined || OTHER_VIDEO_TYPES.has(type) });
    offset += 5 + ((section[offset + 3]! & 0x0f) << 8) + section[offset + 4]!;
  }
  return tracks.find(({ isVideo }) => isVideo) ?? tracks[0];
}
