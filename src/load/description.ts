import { z } from 'zod';
import { loadLevels, loadSignals } from '../terms.js';

/** The API's description of a node's load. */

const loadLevel = z.enum(loadLevels);
const loadReasons = z.array(z.enum(loadSignals)).describe('The measures that exceed their limits now.');

const share = z.number().min(0).max(1).nullable();

export const nodeLoadSchema = z
  .object({
    enabled: z.boolean().describe('`guard.enabled`. If false, the level is always `normal`.'),
    level: loadLevel,
    since: z.iso.datetime({ precision: 3 }).describe('Time of the last change.'),
    reasons: loadReasons,
    slowing: z.number().describe('One of this many thumbnails is encoded, as long as thumbnails stay fresh.'),
    extras: z.boolean().describe('Whether previews and storyboards get new frames.'),
    takesStreams: z.boolean().describe('Whether the API accepts further streams.'),
    picturesSlowed: z.number().describe('Frames not encoded because of the load.'),
    streamsRefused: z.number(),
    measures: z
      .object({
        cpu: share.describe('Share of CPU time in use.'),
        loadPerCore: z.number().nullable(),
        loopDelayMs: z.number().nullable().describe("99th percentile of the delay of the node's timers."),
        memoryAvailable: share,
        encoderDropped: share.describe('Share of frames that found the image encoder busy.'),
      })
      .describe('The latest measures. Null: unknown.'),
  })
  .meta({ id: 'NodeLoad' });

export type NodeLoadDescription = z.infer<typeof nodeLoadSchema>;
