import { expect, it } from 'vitest';
import type { StreamAction } from '../../../src/events/stream-events.js';
import { PublicationWatch } from '../../../src/stream/hls/publication-watch.js';
import type { StreamState } from '../../../src/terms.js';

function watch(source: 'push' | 'test') {
  const actions: StreamAction[] = [];
  const watching = new PublicationWatch({
    config: { source },
    events: { emit: (action) => void actions.push(action) },
  });
  const conditions = () => actions.map((action) => (action.type === 'publication' ? action.condition : action.type));
  return { watching, conditions };
}

it('a live stream of a publisher whose place another node has is unpublished, once, until that is over', () => {
  const { watching, conditions } = watch('push');
  for (const state of ['publishing', 'standby', 'standby', 'standby', 'publishing', 'publishing'] as const)
    watching.look('live', state);
  expect(conditions()).toEqual(['unpublished', 'published']);
  watching.look('live', 'standby');
  watching.look('idle', 'standby');
  expect(conditions().slice(2)).toEqual(['unpublished', 'published']);
});

it('a stream that is not live, without a store, or pulled by every node, is not', () => {
  const { watching, conditions } = watch('push');
  for (const state of ['idle', 'starting', 'recovering', 'failed'] satisfies StreamState[])
    watching.look(state, 'standby');
  for (const state of [undefined, 'idle', 'waiting', 'refused', 'losing', 'ended'] as const)
    watching.look('live', state);
  const camera = watch('test');
  camera.watching.look('live', 'standby');
  expect([...conditions(), ...camera.conditions()]).toEqual([]);
});
