import { z } from 'zod';
import { loadLevels, loadSignals } from '../terms.js';

/** What the API tells of a node's load. */

const loadLevel = z.enum(loadLevels);
const loadReasons = z.array(z.enum(loadSignals)).describe('The measures that exceed their limits now.');

const share = z.number().min(0).max(1).nullable();

export const nodeLoadSchema = z
  .object({
    enabled: z.boolean().describe('`guard.enabled`. Without it the level is always `normal`.'),
    level: loadLevel,
    since: z.iso.datetime({ precision: 3 }).describe('Of the newest change.'),
    reasons: loadReasons,
    slowing: z.number().describe('Of so many thumbnails one is made, as far as they stay fresh.'),
    extras: z.boolean().describe('Whether previews and storyboards get frames.'),
    takesStreams: z.boolean().describe('Whether the API makes further streams.'),
    picturesSlowed: z.number().describe('Frames of which no picture was made because of the load.'),
    streamsRefused: z.number(),
    measures: z
      .object({
        cpu: share.describe('Share of the processors in use.'),
        loadPerCore: z.number().nullable(),
        loopDelayMs: z.number().nullable().describe("By how much one in a hundred of the node's timers is late."),
        memoryAvailable: share,
        encoderDropped: share.describe('Of the frames: those that found the picture encoder busy.'),
      })
      .describe('The newest ones. Null: not known.'),
  })
  .meta({ id: 'NodeLoad' });

export type NodeLoadDescription = z.infer<typeof nodeLoadSchema>;
