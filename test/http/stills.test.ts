import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberedStill } from '../../src/storage/still-names.js';
import { stillsPage } from '../../src/stream/uploads/stills-page.js';
import { FakeStream } from '../support/fake-streams.js';
import { makeApp, problemIn } from './make-app.js';

const entries = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: numberedStill(index + 1, 'jpg'), capturedAt: index, bytes: 9 }));

describe('GET /api/v1/streams/{stream}/stills', () => {
  it('answers the newest first, page by page', async () => {
    const door = new FakeStream('door');
    door.stillEntries = entries(3);
    const { get } = makeApp([door]);
    const response = await get('/api/v1/streams/door/stills?limit=2');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(await response.json()).toEqual({
      stills: [3, 2].map((number) => ({
        name: `000000000${number}.jpg`,
        capturedAt: new Date(number - 1).toISOString(),
        bytes: 9,
        url: `https://cdn.example.org/door/stills/000000000${number}.jpg`,
      })),
      next: '0000000002.jpg',
    });
    const last = await (await get('/api/v1/streams/door/stills?limit=2&before=0000000002.jpg')).json();
    expect(last).toMatchObject({ stills: [{ name: '0000000001.jpg' }], next: null });
  });

  it('is empty where none are kept, and names what is wrong', async () => {
    const { get } = makeApp([new FakeStream('door')]);
    expect(await (await get('/api/v1/streams/door/stills')).json()).toEqual({ stills: [], next: null });
    for (const limit of ['0', '1001', 'x', '-1', '']) {
      const problem = await problemIn(await get(`/api/v1/streams/door/stills?limit=${limit}`));
      expect(problem, limit).toMatchObject({ status: 400, field: 'limit' });
    }
    expect((await problemIn(await get('/api/v1/streams/none/stills'))).status).toBe(404);
  });
});

it('goes through all stills once, although some are removed and some are new', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      (count, limit, changes) => {
        let all = entries(count);
        const seen: string[] = [];
        let before: string | undefined;
        for (;;) {
          const page = stillsPage({ entries: all, baseUrl: undefined, limit, before });
          seen.push(...page.stills.map(({ name }) => name));
          if (page.next === null) break;
          before = page.next;
          // The oldest goes, a new one comes.
          if (changes)
            all = [...all.slice(1), { name: numberedStill(1000 + seen.length, 'jpg'), capturedAt: 0, bytes: 1 }];
        }
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen).toEqual([...seen].sort().reverse());
        if (!changes) expect(seen).toHaveLength(count);
      },
    ),
  );
});
