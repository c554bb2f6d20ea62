import { messageOf, SidepipeError } from '../errors.js';

/**
 * The ffmpeg to use: the one that the configuration names, else the binary of `@ffmpeg-installer/ffmpeg`, which is loaded only
 * then, since it throws on platforms that it has none for.
 */
export async function findFfmpeg(configured: string | undefined): Promise<string> {
  if (configured !== undefined) return configured;
  try {
    const { default: installer } = await import('@ffmpeg-installer/ffmpeg');
    return installer.path;
  } catch (cause) {
    throw new SidepipeError(`no embedded ffmpeg for this platform; name one as ffmpeg.path (${messageOf(cause)})`, {
      code: 'ffmpeg-unusable',
      fault: 'caller',
      cause,
    });
  }
}
