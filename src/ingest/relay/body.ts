import { GrowingBuffer } from '../../io/growing-buffer.js';
import { MAX_PLAYLIST_BYTES, PLAYLIST_HEAD } from './playlist.js';

/** What became of a piece. `media`: `bytes` may pass; the first time they are all that came so far. */
interface RelayedPiece {
  readonly kind: 'waits' | 'media' | 'refused';
  readonly bytes: Uint8Array;
}

/** The body of one response on its way to ffmpeg: a playlist is held until it is whole, everything else passes. */
export interface RelayBody {
  push(piece: Uint8Array): RelayedPiece;
  end(): { readonly isPlaylist: boolean; readonly bytes: Uint8Array };
  /** Whether the body begins with an ID3 tag, so that all of it has to be looked through. */
  readonly isTagged: boolean;
  /** Bytes that were copied and looked at so far. */
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
  /** The end of what was looked through: a playlist's first bytes can be cut by pieces. */
  let tail: Uint8Array = new Uint8Array(0);

  const none = new Uint8Array(0);
  const refuse = (): RelayedPiece => {
    kind = 'refused';
    held.clear();
    return { kind, bytes: none };
  };

  /** ffmpeg skips ID3 tags before it looks for a format, so a playlist can follow one, where no player puts it. */
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
