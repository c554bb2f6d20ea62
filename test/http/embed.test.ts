import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { FakeStream } from '../support/fake-streams.js';
import { makeApp, problemIn } from './make-app.js';

const hostile = `"><script>alert(1)</script>'&`;

function camera(): FakeStream {
  const stream = new FakeStream('cam');
  stream.thumbnailFacts = { width: 1280, height: 720 };
  return stream;
}

interface Described {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly html: string;
  readonly thumbnail_url?: string;
}

describe('/embed/{stream}', () => {
  const policyOf = async (embedOrigins?: readonly string[]) => {
    const app = makeApp([camera()], embedOrigins === undefined ? {} : { embedOrigins });
    const { headers } = await app.get('/embed/cam');
    expect(headers.has('x-frame-options')).toBe(false);
    expect(headers.get('content-security-policy')).not.toContain('unsafe');
    return /frame-ancestors ([^;]*)$/.exec(headers.get('content-security-policy') ?? '')?.[1];
  };

  it('may be framed by whom the operator lets, by default by all', async () => {
    expect(await policyOf()).toBe('*');
    expect(await policyOf(['https://a.example', 'https://*.b.example'])).toBe(
      "'self' https://a.example https://*.b.example",
    );
    expect(await policyOf([])).toBe("'none'");
  });

  it('is the player alone, and plays by itself unless told not to', async () => {
    const { get } = makeApp([camera()]);
    const { document } = parseHTML(await (await get('/embed/cam')).text());
    expect(document.querySelector('header, footer, [data-picture]')).toBeNull();
    expect(document.querySelector('[data-player]')?.getAttribute('data-autoplay')).toBe('true');
    const waiting = parseHTML(await (await get('/embed/cam?autoplay=0')).text()).document;
    expect(waiting.querySelector('[data-player]')?.getAttribute('data-autoplay')).toBe('false');
  });

  it('says in the frame too that a stream is unknown', async () => {
    const { get } = makeApp([]);
    const page = await get('/embed/nobody', { accept: 'text/html' });
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain('frame-ancestors *');
    expect((await problemIn(await get('/embed/nobody'))).code).toBe('stream-unknown');
  });
});

describe('what a link to a watch page shows', () => {
  const metaOf = async (options: Parameters<typeof makeApp>[1], headers: Record<string, string> = {}) => {
    const { document } = parseHTML(await (await makeApp([camera()], options).get('/watch/cam', headers)).text());
    const content = (name: string) =>
      document.querySelector(`meta[property="${name}"], meta[name="${name}"]`)?.getAttribute('content') ?? undefined;
    const oembed = document.querySelector('link[type="application/json+oembed"]')?.getAttribute('href') ?? undefined;
    return { content, oembed };
  };

  it('is the picture, with absolute addresses under the public URL', async () => {
    const { content, oembed } = await metaOf({ publicUrl: 'https://live.example.org/tv' });
    expect(content('og:title')).toBe('cam');
    expect(content('og:url')).toBe('https://live.example.org/tv/watch/cam');
    expect(content('og:image')).toBe('https://live.example.org/tv/live/cam/thumbnail.jpg');
    expect([content('og:image:width'), content('og:image:height')]).toEqual(['1280', '720']);
    expect(content('og:video')).toBe('https://live.example.org/tv/embed/cam');
    expect(content('twitter:card')).toBe('summary_large_image');
    expect(content('twitter:image')).toBe('https://live.example.org/tv/live/cam/thumbnail.jpg');
    expect(oembed).toBe(
      'https://live.example.org/tv/oembed?url=https%3A%2F%2Flive.example.org%2Ftv%2Fwatch%2Fcam&format=json',
    );
  });

  it('has the host of the request where no public URL is configured', async () => {
    expect((await metaOf({}, { host: 'tv.home.arpa:8080' })).content('og:image')).toBe(
      'http://tv.home.arpa:8080/live/cam/thumbnail.jpg',
    );
    expect((await metaOf({}, { host: '[2001:db8::1]:8080' })).content('og:url')).toBe(
      'http://[2001:db8::1]:8080/watch/cam',
    );
    // Scheme and host that a proxy tells count only where the proxy is trusted.
    const said = { host: 'inner:80', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    expect((await metaOf({}, said)).content('og:url')).toBe('http://inner/watch/cam'.replace('inner', 'inner:80'));
  });

  it.each([`a"><script>`, `a'b`, 'a b', 'a/../b', 'a@b', 'a?b', '..', `x${'y'.repeat(300)}`])(
    'is nothing where the host is %s',
    async (host) => {
      const { content, oembed } = await metaOf({}, { host });
      expect([content('og:image'), content('og:url'), oembed]).toEqual([undefined, undefined, undefined]);
    },
  );

  it('is escaped', async () => {
    const page = await (await makeApp([new FakeStream(hostile)]).get(`/watch/${encodeURIComponent(hostile)}`)).text();
    const { document } = parseHTML(page);
    expect(document.querySelector('meta[property="og:title"]')?.getAttribute('content')).toBe(hostile);
    const code = document.querySelector('#link-embed')?.getAttribute('value') ?? '';
    const inner = parseHTML(`<html><body>${code}</body></html>`).document;
    expect(inner.querySelectorAll('script')).toHaveLength(0);
    expect(inner.querySelector('iframe')?.getAttribute('title')).toBe(hostile);
  });
});

describe('/oembed', () => {
  const watch = encodeURIComponent('http://localhost/watch/cam');
  const describedAt = async (query: string) => {
    const response = await makeApp([camera()]).get(`/oembed?${query}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    return (await response.json()) as Described;
  };

  it('describes the player of a watch page and of an embedded one', async () => {
    const described = await describedAt(`url=${watch}&format=json`);
    expect(described).toMatchObject({
      version: '1.0',
      type: 'video',
      title: 'cam',
      provider_name: 'sidepipe',
      provider_url: 'http://localhost/',
      width: 1280,
      height: 720,
      thumbnail_url: 'http://localhost/live/cam/thumbnail.jpg',
      thumbnail_width: 1280,
      thumbnail_height: 720,
    });
    const { document } = parseHTML(`<html><body>${described.html}</body></html>`);
    expect(document.querySelector('iframe')?.getAttribute('src')).toBe('http://localhost/embed/cam');
    const embedded = encodeURIComponent('http://localhost/embed/cam?autoplay=0');
    expect((await describedAt(`url=${embedded}`)).title).toBe('cam');
  });

  it.each([
    ['maxwidth=640', 640, 360],
    ['maxheight=180', 320, 180],
    ['maxwidth=400&maxheight=90', 160, 90],
    ['maxwidth=5000', 1280, 720],
  ])('keeps to %s', async (query, width, height) => {
    expect(await describedAt(`url=${watch}&${query}`)).toMatchObject({ width, height });
  });

  it('has no thumbnail where none was made yet', async () => {
    const response = await makeApp([new FakeStream('cam')]).get(`/oembed?url=${watch}`);
    expect((await response.json()) as Described).not.toHaveProperty('thumbnail_url');
  });

  it.each([
    ['', 400, 'url'],
    [`url=${watch}&maxwidth=wide`, 400, 'maxwidth'],
    [`url=${watch}&maxheight=1`, 400, 'maxheight'],
    [`url=${watch}&format=xml`, 501, 'format'],
    ['url=http%3A%2F%2Flocalhost%2Fwatch%2Fnobody', 404, 'url'],
    ['url=http%3A%2F%2Fevil.example%2Fwatch%2Fcam', 404, 'url'],
    ['url=http%3A%2F%2Flocalhost.evil.example%2Fwatch%2Fcam', 404, 'url'],
    ['url=http%3A%2F%2Flocalhost%2Fwatch%2F%25ff', 404, 'url'],
    ['url=http%3A%2F%2Flocalhost%2Fapi%2Fcam', 404, 'url'],
    ['url=cam', 404, 'url'],
  ])('refuses %s', async (query, status, field) => {
    const response = await makeApp([camera()]).get(`/oembed?${query}`);
    expect(await problemIn(response)).toMatchObject({ status, field });
  });
});
