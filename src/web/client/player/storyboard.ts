/** The images of a storyboard and their positions in the sheets. Pure. */

export interface StoryboardPicture {
  /** Capture time, in milliseconds since the epoch. */
  readonly at: number;
  readonly url: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** An image further away than this is not shown for a moment. */
const farthestMs = 60_000;

/** The images of a WebVTT file whose cue identifiers are dates, oldest first. Invalid cues are skipped. */
export function parseStoryboard(text: string, baseUrl: string): StoryboardPicture[] {
  const pictures = text.split(/\r?\n\r?\n/).flatMap((block): StoryboardPicture[] => {
    const [id = '', times = '', payload = ''] = block.trim().split(/\r?\n/);
    const [, file, ...numbers] = /^([^#\s]+)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(payload) ?? [];
    const at = Date.parse(id);
    if (file === undefined || !times.includes('-->') || Number.isNaN(at)) return [];
    const [x = 0, y = 0, width = 0, height = 0] = numbers.map(Number);
    return [{ at, url: new URL(file, baseUrl).href, x, y, width, height }];
  });
  return pictures.sort((one, other) => one.at - other.at);
}

/** The image for a moment: the last one before it, or the first one for earlier moments. */
export function pictureAt(pictures: readonly StoryboardPicture[], at: number): StoryboardPicture | undefined {
  const found = pictures.findLast((picture) => picture.at <= at) ?? pictures[0];
  return found !== undefined && Math.abs(found.at - at) <= farthestMs ? found : undefined;
}

/** A position in a live stream in words: `live`, `12 s ago`, `2 min 5 s ago`. */
export function placeInWords(secondsBehind: number): string {
  const seconds = Math.round(secondsBehind);
  if (seconds < 2) return 'live';
  if (seconds < 60) return `${seconds} s ago`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? '' : ` ${rest} s`} ago`;
}
