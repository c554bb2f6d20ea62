import { type OutputBuild, oneField, rawPictures } from './picture-output.js';

/**
 * A second frame output at the source's own size with square pixels, closed until it is needed. `framestep` drops all frames, and like every
 * filter with timeline support it is bypassed while its `enable` is 0, which can be changed through standard input while ffmpeg runs. A
 * dropped frame is neither scaled nor copied. Pure.
 */

/** The output's file descriptor. */
export const SNAPSHOT_URL = 'pipe:5';
const NAME = 'framestep@snapshot';
const VALVE = `${NAME}=2147483647`;

/** The command that opens or closes the valve, for ffmpeg's standard input. Repeating it is harmless. */
export function valveCommand(isOpen: boolean): string {
  return `c${NAME} -1 enable ${isOpen ? 0 : 1}\n`;
}

/** ffmpeg's responses to such a command, which have no level and no meaning. */
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
