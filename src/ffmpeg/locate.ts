import { messageOf, SidepipeError } from '../errors.js';

/**
 * The ffmpeg to use: the configured one, otherwise the binary of `@ffmpeg-installer/ffmpeg`. That package is loaded only when needed,
 * because it throws on unsupported platforms.
 */
export async function findFfmpeg(configured: string | undefined): Promise<string> {
  if (configured !== undefined) return configured;
  try {
    const { default: installer } = await import('@ffmpeg-installer/ffmpeg');
    return installer.path;
  } catch (cause) {
    throw new SidepipeError(
      `There is no embedded ffmpeg for this platform. Install one and set ffmpeg.path (${messageOf(cause)}).`,
      {
        code: 'ffmpeg-unusable',
        fault: 'caller',
        cause,
      },
    );
  }
}
