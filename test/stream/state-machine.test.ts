import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextState, type StreamStateEvent } from '../../src/stream/state-machine.js';
import type { StreamState } from '../../src/terms.js';

const states: readonly StreamState[] = ['idle', 'starting', 'live', 'recovering', 'failed'];
const events: readonly StreamStateEvent[] = ['start', 'media', 'lost', 'exhausted', 'ended', 'stop'];
const eventArbitrary = fc.constantFrom(...events);
const run = (from: StreamState, happened: readonly StreamStateEvent[]) => happened.reduce(nextState, from);

describe('nextState', () => {
  it('never leaves its states, whatever happens', () => {
    fc.assert(
      fc.property(fc.constantFrom(...states), fc.array(eventArbitrary), (from, happened) => {
        expect(states).toContain(run(from, happened));
      }),
    );
  });

  it.each(states)('goes from %s to idle by a stop or an end, and from there only by a start', (state) => {
    expect(nextState(state, 'stop')).toBe('idle');
    expect(nextState(state, 'ended')).toBe('idle');
    for (const event of events) expect(nextState('idle', event)).toBe(event === 'start' ? 'starting' : 'idle');
  });

  it('is live exactly when the newest thing that happened to a wanted stream is media', () => {
    const wanted = fc.constantFrom<StreamStateEvent>('start', 'media', 'lost', 'exhausted');
    fc.assert(
      fc.property(fc.array(wanted), (happened) => {
        const newest = happened.filter((event) => event !== 'start').at(-1);
        const state = run('idle', ['start', ...happened]);
        expect(state === 'live').toBe(newest === 'media');
        expect(state).not.toBe('idle');
        // Nothing is ever given up: one run with media, and the stream is live.
        expect(nextState(state, 'media')).toBe('live');
      }),
    );
  });

  it('tells what never lived from what lived', () => {
    expect(run('idle', ['start', 'lost'])).toBe('failed');
    expect(run('idle', ['start', 'lost', 'lost', 'exhausted', 'lost'])).toBe('failed');
    expect(run('idle', ['start', 'media', 'lost'])).toBe('recovering');
    expect(run('idle', ['start', 'media', 'lost', 'lost'])).toBe('recovering');
    expect(run('idle', ['start', 'media', 'lost', 'exhausted'])).toBe('failed');
    expect(run('idle', ['start', 'media', 'lost', 'exhausted', 'media', 'lost'])).toBe('recovering');
  });
});
