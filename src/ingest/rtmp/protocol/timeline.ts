export interface Timeline {
  /** Milliseconds since the timeline's first tag, never less than the last answer for the same track. */
  place(track: 'audio' | 'video', timestamp: number): number;
  /** The newest time so far. */
  readonly latest: number;
}

interface Track {
  /** What is added to unwrapped timestamps. */
  offset: number;
  /** The last unwrapped timestamp. */
  last: number;
  latest: number;
}

/** Up to here a track's timestamp may run backward before it is taken for a new beginning. */
const maxBackwardMs = 1_000;
/** Up to here a pause is believed. */
const maxForwardMs = 30_000;

/**
 * Turns a publisher's timestamps into a timeline that begins at 0 and never runs backward. 32-bit wraps are undone. A
 * jump (an encoder that starts again from 0, a clock that was set) continues from the newest time; the tracks stay
 * together because a track that jumps follows the other one where it can.
 */
export function createTimeline(): Timeline {
  const tracks: { audio?: Track; video?: Track } = {};
  let latest = 0;

  const isBelievable = (time: number, reference: number) =>
    time >= reference - maxBackwardMs && time <= reference + maxForwardMs;

  function anchor(timestamp: number, other: Track | undefined): Track {
    if (other !== undefined) {
      const last = unwrap(timestamp, other.last);
      if (isBelievable(last + other.offset, latest)) return { offset: other.offset, last, latest: 0 };
    }
    return { offset: latest - timestamp, last: timestamp, latest };
  }

  return {
    get latest() {
      return latest;
    },
    place(name, timestamp) {
      const other = tracks[name === 'audio' ? 'video' : 'audio'];
      let track = tracks[name];
      if (track === undefined) {
        track = anchor(timestamp, other);
        tracks[name] = track;
      } else {
        const last = unwrap(timestamp, track.last);
        const time = last + track.offset;
        if (isBelievable(time, track.latest) || isBelievable(time, latest)) {
          track.last = last;
        } else {
          const again = anchor(timestamp, other);
          track.offset = again.offset;
          track.last = again.last;
        }
      }
      track.latest = Math.max(track.latest, track.last + track.offset, 0);
      latest = Math.max(latest, track.latest);
      return track.latest;
    },
  };
}

/** The number nearest to `last` that equals `timestamp` in its low 32 bits. */
function unwrap(timestamp: number, last: number): number {
  return last + ((timestamp - last) | 0);
}
