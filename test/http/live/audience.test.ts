import { describe, expect, it } from 'vitest';
import { createViewerIds } from '../../../src/http/live/audience.js';
import { FakeStream, mediaOf, playlistOf } from '../../support/fake-streams.js';
import { makeApp } from '../make-app.js';

const now = 1_800_000_000_000;
const from = (address: string, agent = 'player') => ({
  method: 'GET',
  header: (name: string) => (name === 'user-agent' ? agent : undefined),
  query: () => undefined,
  client: () => ({ address, scheme: 'http' as const, host: 'h' }),
});

describe('createViewerIds', () => {
  it('tells viewers apart by address and program, or by the session of their player', () => {
    const ids = createViewerIds();
    const { id } = ids.idOf(from('192.0.2.1'), undefined, now);
    expect(ids.idOf(from('192.0.2.1'), undefined, now).id).toBe(id);
    const others = [
      ids.idOf(from('192.0.2.2'), undefined, now),
      ids.idOf(from('192.0.2.1', 'other'), undefined, now),
      ids.idOf(from('192.0.2.1'), 'one', now),
      ids.idOf(from('192.0.2.1'), 'two', now),
      createViewerIds().idOf(from('192.0.2.1'), undefined, now),
    ];
    expect(new Set([id, ...others.map((each) => each.id)]).size).toBe(6);
    expect(ids.idOf(from('192.0.2.9'), 'one', now).id).toBe(others[2]?.id);
  });

  it('changes its salt, and says for a while who was who', () => {
    const ids = createViewerIds({ rotateMs: 3_600_000 });
    const before = ids.idOf(from('192.0.2.1'), undefined, now);
    const after = ids.idOf(from('192.0.2.1'), undefined, now + 3_600_000);
    expect(after.id).not.toBe(before.id);
    expect(after.former).toBe(before.id);
    const later = ids.idOf(from('192.0.2.1'), undefined, now + 3_600_000 + 60_001);
    expect(later).toEqual({ id: after.id, former: undefined });
  });
});

describe('who watches', () => {
  function watched() {
    const stream = new FakeStream('cam');
    stream.playlists.set('source', playlistOf('#EXTM3U\n#EXT-X-TARGETDURATION:2\n'));
    stream.multivariant = playlistOf('#EXTM3U\n');
    stream.media.set('source/a-1.ts', mediaOf(Buffer.from('x')));
    return { stream, ...makeApp([stream]) };
  }

  it('is who asks for a media playlist', async () => {
    const { stream, get, app } = watched();
    await get('/live/cam/index.m3u8');
    await get('/live/cam/source/a-1.ts');
    await app.request('/live/cam/source/index.m3u8', { method: 'HEAD' });
    expect(stream.viewersSeen).toHaveLength(0);
    await get('/live/cam/source/index.m3u8');
    expect(stream.viewersSeen).toHaveLength(1);
    const described = (await (await get('/api/v1/streams/cam')).json()) as { viewers: number };
    expect(described.viewers).toBe(1);
  });

  it('is told by players with headers and with a query', async () => {
    const { stream, get } = watched();
    await get('/live/cam/source/a-1.ts', { 'cmcd-status': 'bs', 'cmcd-object': 'br=3000' });
    await get(`/live/cam/source/a-1.ts?CMCD=${encodeURIComponent('mtp=5000,sid="a",su')}`);
    await get('/live/cam/source/a-1.ts');
    expect(stream.reports).toEqual([
      { starved: true, bitrate: 3_000_000 },
      { throughput: 5_000_000, sessionId: 'a', startup: true },
    ]);
  });
});

describe('the id of a connection', () => {
  it('is made once, and anew for another program and another salt', () => {
    const ids = createViewerIds({ rotateMs: 3_600_000 });
    const connection = {};
    let asked = 0;
    const over = (agent: string, address: string) => ({
      ...from(address, agent),
      client: () => {
        asked += 1;
        return { address, scheme: 'http' as const, host: 'h' };
      },
      connection,
    });
    const { id } = ids.idOf(over('player', '192.0.2.1'), undefined, now);
    expect(ids.idOf(over('player', '192.0.2.1'), undefined, now).id).toBe(id);
    expect(asked).toBe(1);
    expect(ids.idOf(over('other', '192.0.2.1'), undefined, now).id).not.toBe(id);
    expect(ids.idOf(from('192.0.2.1'), undefined, now).id).toBe(id);
    const after = ids.idOf(over('player', '192.0.2.1'), undefined, now + 3_600_000);
    expect(after).toMatchObject({ former: id });
    expect(after.id).not.toBe(id);
  });
});
