import { expect, it } from 'vitest';
import type { StreamEvent } from '../../../src/events/stream-events.js';
import { PublicationWatch } from '../../../src/stream/hls/publication-watch.js';
import type { StreamState } from '../../../src/terms.js';

function watch(source: 'push' | 'test') {
  const events: StreamEvent[] = [];
  const log: string[] = [];
  const note = (level: string) => (message: unknown) => void log.push(`${level} ${String(message)}`);
  const watching = new PublicationWatch({
    config: { name: 'stage', source },
    events: { publish: (event) => void events.push(event) },
    log: { info: note('info'), warn: note('warn') },
    now: () => 7,
    dateOf: (at) => at,
  });
  const types = () => events.map(({ stream, type, at }) => `${stream} ${type} ${at}`);
  return { watching, types, log };
}

it('a live stream of a publisher whose place another node has is unpublished, once, until that is over', () => {
  const { watching, types, log } = watch('push');
  for (const state of ['publishing', 'standby', 'standby', 'standby', 'publishing', 'publishing'] as const)
    watching.look('live', state);
  expect(types()).toEqual(['stage unpublished 7', 'stage published 7']);
  expect(log).toEqual([expect.stringMatching(/^warn .*another node/), expect.stringMatching(/^info .*again/)]);
  watching.look('live', 'standby');
  watching.look('idle', 'standby');
  expect(types().slice(2)).toEqual(['stage unpublished 7', 'stage published 7']);
});

it('a stream that is not live, without a store, or pulled by every node, is not', () => {
  const { watching, types } = watch('push');
  for (const state of ['idle', 'starting', 'recovering', 'failed'] satisfies StreamState[])
    watching.look(state, 'standby');
  for (const state of [undefined, 'idle', 'waiting', 'refused', 'losing', 'ended'] as const)
    watching.look('live', state);
  const camera = watch('test');
  camera.watching.look('live', 'standby');
  expect([...types(), ...camera.types()]).toEqual([]);
});
