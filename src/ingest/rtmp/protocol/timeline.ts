export interface Timeline {
  /** Milliseconds since the timeline's first tag, never less than the previous result for the same track. */
  place(track: 'audio' | 'video', timestamp: number): number;
  /** The newest time so far. */
  readonly latest: number;
}

interface Track {
  /** The offset added to unwrapped timestamps. */
  offset: number;
  /** The last unwrapped timestamp. */
  last: number;
  latest: number;
}

/** A track's timestamp may run backward this far before it counts as a restart. */
const maxBackwardMs = 1_000;
/** The longest pause that is accepted. */
const maxForwardMs = 30_000;

/**
 * Converts a publisher's timestamps into a timeline that starts at 0 and never runs backward. 32-bit wraps are undone. After a
 * jump (a restarted encoder, an adjusted clock) the timeline continues from the newest time. The tracks stay together, because a track
 * that jumps follows the other one if possible.
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

/** The number closest to `last` whose low 32 bits equal `timestamp`. */
function unwrap(timestamp: number, last: number): number {
  return last + ((timestamp - last) | 0);
}
