import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCmcd } from '../../../src/http/live/cmcd.js';

describe('parseCmcd', () => {
  it('reads the headers of CTA-5004', () => {
    expect(
      parseCmcd(
        'br=3200,d=4004,ot=v,tb=6000',
        'bl=21300,dl=18500,mtp=48100,nor="..%2F300kbps%2Ftrack.m4v",su',
        'cid="faec5fc2-ac30-11ea-bb37-0242ac130002",pr=1.08,sf=d,sid="6e2fb550-c457-11e9-bb97-0800200c9a66",st=v',
        'bs,rtp=12000',
      ),
    ).toEqual({
      bitrate: 3_200_000,
      throughput: 48_100_000,
      startup: true,
      starved: true,
      sessionId: '6e2fb550-c457-11e9-bb97-0800200c9a66',
    });
  });

  it('reads the one text of a query, and white space and upper-case letters where they may be', () => {
    expect(parseCmcd('bl=21300,br=3200, bs ,com.example-key="a,b=c",sid="x"')).toEqual({
      bitrate: 3_200_000,
      starved: true,
      sessionId: 'x',
    });
  });

  it.each([
    ['bs=false', {}],
    ['bs=?0', {}],
    ['bs="true"', {}],
    ['su=?1', { startup: true }],
    ['br=-5,mtp=1e9', {}],
    ['br=99999999', {}],
    ['br=0', {}],
    ['sid=unquoted', {}],
    [`sid="${'x'.repeat(65)}"`, {}],
    [`${'x'.repeat(2000)},bs`, {}],
    ['"', {}],
    ['', {}],
    // What comes before the first thing that is none counts.
    ['br=100,=;,bs', { bitrate: 100_000 }],
  ])('%j', (text, found) => {
    expect(parseCmcd(text)).toEqual(found);
  });

  it('takes any text in time that grows with its length, and gives numbers within bounds', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 1200 }), { maxLength: 4 }), (texts) => {
        const { bitrate = 1000, throughput = 1000, sessionId = 'x' } = parseCmcd(...texts);
        for (const rate of [bitrate, throughput]) expect(rate >= 1000 && rate <= 1e10).toBe(true);
        expect(sessionId.length).toBeLessThanOrEqual(64);
      }),
    );
  });

  it('reads back what a player writes', () => {
    const report = fc.record({
      bitrate: fc.integer({ min: 1, max: 10_000_000 }),
      throughput: fc.integer({ min: 1, max: 10_000_000 }),
      starved: fc.boolean(),
      sessionId: fc.uuid(),
    });
    fc.assert(
      fc.property(report, ({ bitrate, throughput, starved, sessionId }) => {
        const text = [`br=${bitrate}`, ...(starved ? ['bs'] : []), `mtp=${throughput}`, `sid="${sessionId}"`].join(',');
        expect(parseCmcd(text)).toEqual({
          bitrate: bitrate * 1000,
          throughput: throughput * 1000,
          sessionId,
          ...(starved && { starved }),
        });
      }),
    );
  });
});
