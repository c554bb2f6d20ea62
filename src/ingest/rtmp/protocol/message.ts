/** One RTMP message, assembled from its chunks. */
export interface RtmpMessage {
  readonly chunkStreamId: number;
  readonly type: number;
  readonly streamId: number;
  /** Milliseconds, unsigned 32 bits: it wraps after 49.7 days. */
  readonly timestamp: number;
  readonly payload: Uint8Array;
}

/** Message type ids (RTMP 1.0, sections 5.4, 6.2 and 7.1). */
export const messageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  dataAmf0: 18,
  commandAmf0: 20,
  aggregate: 22,
} as const;

/** Protocol violations that end the session. */
export type ViolationCode =
  | 'handshake-version'
  | 'handshake-encrypted'
  | 'chunk-header-missing'
  | 'chunk-header-inside-message'
  | 'chunk-size-invalid'
  | 'control-message-invalid'
  | 'too-many-chunk-streams'
  | 'message-too-large'
  | 'buffer-limit'
  | 'bytes-before-publish'
  | 'commands-before-publish'
  | 'command-malformed'
  | 'command-unexpected'
  | 'aggregate-malformed'
  | 'handshake-timeout'
  | 'publish-timeout'
  | 'idle-timeout';
