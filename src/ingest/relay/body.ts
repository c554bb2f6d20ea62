import { GrowingBuffer } from '../../io/growing-buffer.js';
import { MAX_PLAYLIST_BYTES, PLAYLIST_HEAD } from './playlist.js';

/** The result for one piece. `media`: `bytes` may be passed on; the first time, they are everything received so far. */
interface RelayedPiece {
  readonly kind: 'waits' | 'media' | 'refused';
  readonly bytes: Uint8Array;
}

/** A response body on its way to ffmpeg. A playlist is buffered until it is complete; anything else is passed on. */
export interface RelayBody {
  push(piece: Uint8Array): RelayedPiece;
  end(): { readonly isPlaylist: boolean; readonly bytes: Uint8Array };
  /** Whether the body starts with an ID3 tag, so that all of it must be scanned. */
  readonly isTagged: boolean;
  /** Number of bytes copied and scanned so far. */
  readonly work: number;
}

const HEAD = Buffer.from(PLAYLIST_HEAD);
const TAG = Buffer.from('ID3');

/** Pure. */
export function createRelayBody(): RelayBody {
  const held = new GrowingBuffer();
  let kind: 'unknown' | 'playlist' | 'media' | 'refused' = 'unknown';
  let isTagged = false;
  let scanned = 0;
  /** The end of the scanned bytes, because a playlist's first bytes can be split between two pieces. */
  let tail: Uint8Array = new Uint8Array(0);

  const none = new Uint8Array(0);
  const refuse = (): RelayedPiece => {
    kind = 'refused';
    held.clear();
    return { kind, bytes: none };
  };

  /** ffmpeg skips ID3 tags before it detects the format, so a playlist can follow a tag. No player expects one there. */
  function hasPlaylist(piece: Uint8Array): boolean {
    const joined = Buffer.concat([tail, piece]);
    scanned += joined.length;
    tail = joined.subarray(-(HEAD.length - 1));
    return joined.includes(HEAD);
  }

  function pass(bytes: Uint8Array): RelayedPiece {
    return isTagged && hasPlaylist(bytes) ? refuse() : { kind: 'media', bytes };
  }

  return {
    get isTagged() {
      return isTagged;
    },
    get work() {
      return held.copiedBytes + scanned;
    },
    push(piece) {
      if (kind === 'refused') return { kind, bytes: none };
      if (kind === 'media') return pass(piece);
      held.append(piece);
      if (kind === 'playlist') return held.length > MAX_PLAYLIST_BYTES ? refuse() : { kind: 'waits', bytes: none };
      if (held.length < HEAD.length) return { kind: 'waits', bytes: none };
      if (Buffer.from(held.bytes.subarray(0, HEAD.length)).equals(HEAD)) {
        kind = 'playlist';
        return { kind: 'waits', bytes: none };
      }
      kind = 'media';
      const { bytes } = held;
      isTagged = Buffer.from(bytes.subarray(0, TAG.length)).equals(TAG);
      held.clear();
      return pass(bytes);
    },
    end: () => ({ isPlaylist: kind === 'playlist', bytes: held.bytes }),
  };
}
