/** The small pictures of a storyboard and where they are. Pure. */

export interface StoryboardPicture {
  /** When it was taken: milliseconds since the epoch. */
  readonly at: number;
  readonly url: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A picture that is further from a moment does not show it. */
const farthestMs = 60_000;

/** The pictures of a WebVTT whose cues are named by date, oldest first. What cannot be read is left out. */
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

/** The picture that shows a moment: the last one before it, the first one for what lies before all. */
export function pictureAt(pictures: readonly StoryboardPicture[], at: number): StoryboardPicture | undefined {
  const found = pictures.findLast((picture) => picture.at <= at) ?? pictures[0];
  return found !== undefined && Math.abs(found.at - at) <= farthestMs ? found : undefined;
}

/** A place in a live stream in words: `live`, `12 s ago`, `2 min 5 s ago`. */
export function placeInWords(secondsBehind: number): string {
  const seconds = Math.round(secondsBehind);
  if (seconds < 2) return 'live';
  if (seconds < 60) return `${seconds} s ago`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? '' : ` ${rest} s`} ago`;
}
