/** The part of JSMpeg that is used here. */
declare module '@cycjimmy/jsmpeg-player' {
  export interface Demuxer {
    write(data: ArrayBuffer): void;
  }

  export interface Source {
    readonly streaming: boolean;
    readonly established: boolean;
    readonly progress: number;
    connect(demuxer: Demuxer): void;
    start(): void;
    resume(): void;
    destroy(): void;
  }

  export interface PlayerOptions {
    readonly canvas: OffscreenCanvas;
    readonly source: new (url: string) => Source;
    readonly audio: boolean;
    readonly disableGl: boolean;
    readonly disableWebAssembly: boolean;
    readonly pauseWhenHidden: boolean;
    readonly onVideoDecode: () => void;
  }

  class Player {
    constructor(url: string, options: PlayerOptions);
    /** Decodes and draws the next frame; false if there is none. */
    nextFrame(): boolean;
    pause(): void;
    destroy(): void;
  }

  const JSMpeg: { readonly Player: typeof Player };

  export type { Player };
  export default JSMpeg;
}
