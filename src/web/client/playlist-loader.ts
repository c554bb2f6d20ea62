import type { HlsConfig, Loader, PlaylistLoaderContext } from 'hls.js';

type LoaderClass = NonNullable<HlsConfig['pLoader']>;
type LoaderArguments = Parameters<Loader<PlaylistLoaderContext>['load']>;

/** So far before the first discontinuity sequence number may other renditions' lie. */
const margin = 1000;

/**
 * hls.js keeps times in an array by the discontinuity sequence number and copies it with every change: with the node's numbers,
 * which grow over restarts and are far beyond a hundred million, one copy takes ten seconds. This loader makes them small.
 */
export function withSmallDiscontinuities(BaseLoader: HlsConfig['loader']): LoaderClass {
  let first: number | undefined;
  const smaller = (text: string): string =>
    renumbered(text, (number) => {
      first ??= number - margin;
      return Math.max(0, number - first);
    });
  return class extends (BaseLoader as unknown as LoaderClass) {
    override load(...[context, config, callbacks]: LoaderArguments): void {
      super.load(context, config, {
        ...callbacks,
        onSuccess: (response, ...rest) => {
          const { data } = response;
          callbacks.onSuccess(typeof data === 'string' ? { ...response, data: smaller(data) } : response, ...rest);
        },
      });
    }
  };
}

/** A playlist with another discontinuity sequence number. Pure. */
export function renumbered(text: string, change: (number: number) => number): string {
  return text.replace(
    /^(#EXT-X-DISCONTINUITY-SEQUENCE:)(\d+)/m,
    (_, tag: string, number: string) => `${tag}${change(Number(number))}`,
  );
}
