import { type RtpPacket, Unwrapper } from './rtp.js';

/** Puts the packets of one RTP source into the order in which they were sent. Pure: times are parameters, in milliseconds. */

export interface ReorderLimits {
  /** Maximum number of packets that wait for a missing one, and the largest gap. */
  readonly packets: number;
  /** How long packets wait for a missing one. */
  readonly waitMs: number;
}

export interface OrderedPacket {
  readonly packet: RtpPacket;
  /** Packets before it are lost. */
  readonly isAfterLoss: boolean;
}

const usual: ReorderLimits = { packets: 512, waitMs: 150 };
/** This many packets in a row that seem too old mean that the sender has started over. */
const RESTART_PACKETS = 32;
const NACK_TRIES = 4;
const NACK_INTERVAL_MS = 40;

interface Held {
  readonly packet: RtpPacket;
  /** When it arrived. */
  readonly at: number;
}

interface Missing {
  tries: number;
  nextAt: number;
}

export class ReorderBuffer {
  readonly #limits: ReorderLimits;
  #sequences = new Unwrapper(16);
  /** By unwrapped sequence number. */
  readonly #held = new Map<number, Held>();
  readonly #missing = new Map<number, Missing>();
  /** The next number to deliver; undefined before the first packet. */
  #next: number | undefined;
  #first = 0;
  #highest = 0;
  #oldInARow = 0;
  #isAfterLoss = false;
  #received = 0;

  constructor(limits: Partial<ReorderLimits> = {}) {
    this.#limits = { ...usual, ...limits };
  }

  /** The packets that can be delivered now. */
  receive(packet: RtpPacket, now: number): OrderedPacket[] {
    let sequence = this.#sequences.unwrap(packet.sequence);
    if (this.#next === undefined) this.#start(sequence);
    const next = this.#next!;
    if (sequence < next || this.#held.has(sequence)) {
      // A duplicate, or a packet that was given up.
      this.#oldInARow = sequence < next ? this.#oldInARow + 1 : 0;
      if (this.#oldInARow < RESTART_PACKETS) return [];
      sequence = this.#startOver(packet);
    } else if (sequence - next > this.#limits.packets) {
      const before = this.#flush();
      sequence = this.#startOver(packet);
      return [...before, ...this.#take(packet, sequence, now)];
    }
    return this.#take(packet, sequence, now);
  }

  /** Gives up packets that have been missing for too long. */
  tick(now: number): OrderedPacket[] {
    const ready: OrderedPacket[] = [];
    for (let at = this.#waitingSince(); at !== undefined; at = this.#waitingSince()) {
      if (now - at < this.#limits.waitMs) break;
      ready.push(...this.#skip());
    }
    return ready;
  }

  /** The sequence numbers to request again now, in ascending order. */
  nacks(now: number): number[] {
    const due: number[] = [];
    for (const [sequence, missing] of this.#missing) {
      if (missing.nextAt > now || missing.tries >= NACK_TRIES) continue;
      missing.tries += 1;
      missing.nextAt = now + NACK_INTERVAL_MS;
      due.push(sequence);
    }
    return due.sort((one, other) => one - other).map((sequence) => sequence & 0xffff);
  }

  /** Number of packets that wait. */
  get size(): number {
    return this.#held.size;
  }

  /** For reception reports: received packets without duplicates, and expected ones. */
  get counts(): { readonly received: number; readonly expected: number; readonly highest: number } {
    const expected = this.#next === undefined ? 0 : this.#highest - this.#first + 1;
    return { received: this.#received, expected, highest: this.#highest };
  }

  #start(sequence: number): void {
    this.#next = sequence;
    this.#first = sequence;
    this.#highest = sequence - 1;
    this.#received = 0;
  }

  #startOver(packet: RtpPacket): number {
    this.#held.clear();
    this.#missing.clear();
    this.#sequences = new Unwrapper(16);
    const sequence = this.#sequences.unwrap(packet.sequence);
    this.#start(sequence);
    this.#isAfterLoss = true;
    return sequence;
  }

  #take(packet: RtpPacket, sequence: number, now: number): OrderedPacket[] {
    this.#oldInARow = 0;
    this.#received += 1;
    this.#missing.delete(sequence);
    for (let lost = this.#highest + 1; lost < sequence; lost++) this.#missing.set(lost, { tries: 0, nextAt: now });
    this.#highest = Math.max(this.#highest, sequence);
    this.#held.set(sequence, { packet, at: now });
    const ready = this.#drain();
    return this.#held.size > this.#limits.packets ? [...ready, ...this.#skip()] : ready;
  }

  /** When the first packet behind the gap arrived. */
  #waitingSince(): number | undefined {
    if (this.#held.size === 0) return undefined;
    let sequence = this.#next!;
    while (!this.#held.has(sequence)) sequence += 1;
    return this.#held.get(sequence)!.at;
  }

  #drain(): OrderedPacket[] {
    const ready: OrderedPacket[] = [];
    for (let held = this.#held.get(this.#next!); held !== undefined; held = this.#held.get(this.#next!)) {
      ready.push({ packet: held.packet, isAfterLoss: this.#isAfterLoss });
      this.#isAfterLoss = false;
      this.#held.delete(this.#next!);
      this.#next! += 1;
    }
    return ready;
  }

  /** Continues behind the first gap. */
  #skip(): OrderedPacket[] {
    while (!this.#held.has(this.#next!)) {
      this.#missing.delete(this.#next!);
      this.#next! += 1;
    }
    this.#isAfterLoss = true;
    return this.#drain();
  }

  /** Everything that waits. */
  #flush(): OrderedPacket[] {
    const ready: OrderedPacket[] = [];
    while (this.#held.size > 0) ready.push(...this.#skip());
    return ready;
  }
}
