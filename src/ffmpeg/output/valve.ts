import { type OutputBuild, oneField, rawPictures } from './picture-output.js';

/**
 * A second output of pictures, at the source's own size with square pixels, that nothing passes until it is opened. `framestep` keeps everything back,
 * and like every filter with a timeline it is passed by while its `enable` is 0, which ffmpeg can be told on its standard
 * input while it runs. A picture that is kept back is neither scaled nor copied. Pure.
 */

/** Where the pictures come out. */
export const SNAPSHOT_URL = 'pipe:5';
const NAME = 'framestep@snapshot';
const VALVE = `${NAME}=2147483647`;

/** What opens or closes the valve, to be written to ffmpeg's standard input. Saying it twice does no harm. */
export function valveCommand(isOpen: boolean): string {
  return `c${NAME} -1 enable ${isOpen ? 0 : 1}\n`;
}

/** ffmpeg's answers to such a command: they have no level and say nothing. */
export function isValveAnswer(line: string): boolean {
  return /^(?:Enter command: |Command reply for stream )/.test(line);
}

export function snapshotOutput(build: OutputBuild): string[] {
  return [
    ...['-map', '0:V:0', '-an', '-sn', '-dn', '-map_metadata', '-1'],
    ...[
      '-vf',
      `${VALVE},${oneField(build)}scale=w='max(1,round(iw*sar))':h=${build.isInterlaced ? '2*ih' : 'ih'},setsar=1,format=rgb24`,
    ],
    ...rawPictures(build),
    SNAPSHOT_URL,
  ];
}
