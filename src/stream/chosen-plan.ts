import type { StreamConfig } from '../config/schema.js';
import type { Capabilities } from '../ffmpeg/capabilities.js';
import { canWaitForMarks } from '../ffmpeg/chosen-keyframes.js';
import { isCopyable } from '../ingest/input.js';
import type { Source, UnknownSource } from '../ingest/source.js';
import { isOnlyCopied } from './rendition-plan.js';
import type { SourceNeeds } from './source-needs.js';

export interface ChosenOptions {
  readonly config: StreamConfig;
  readonly source: Source | UnknownSource;
  readonly capabilities: Pick<Capabilities, 'libavformat' | 'hasNarrowTimestamps' | 'bitstreamFilters'>;
  readonly needs: SourceNeeds;
}

/** Whether ffmpeg can be run on this source so that it decodes only the keyframes that the node chooses, if they are H.264. Pure. */
export function canChooseKeyframes({ config, source, capabilities, needs }: ChosenOptions): boolean {
  const { bitstreamFilters } = capabilities;
  return (
    isOnlyCopied(config, source) &&
    isCopyable(source, config.device) &&
    !config.monitor.enabled &&
    !needs.silence &&
    canWaitForMarks(capabilities) &&
    bitstreamFilters.has('filter_units') &&
    bitstreamFilters.has('h264_mp4toannexb')
  );
}
