import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SidepipeError } from '../../src/errors.js';
import { announceCandidates, formatParameter, parseIceFragment, parseOffer } from '../../src/webrtc/sdp.js';
import { negotiatePublisher } from '../../src/webrtc/whip/negotiation.js';

/** As Chromium makes it, shortened. */
const offer = [
  ...['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1', 'a=extmap-allow-mixed'],
  ...[
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 0',
    'c=IN IP4 0.0.0.0',
    'a=ice-ufrag:abcd',
    'a=ice-pwd:0123456789012345678901',
  ],
  ...[
    'a=fingerprint:sha-256 AA:BB',
    'a=setup:actpass',
    'a=mid:0',
    'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  ],
  ...['a=sendonly', 'a=rtcp-mux', 'a=rtpmap:111 opus/48000/2', 'a=rtcp-fb:111 transport-cc'],
  ...['a=fmtp:111 minptime=10;useinbandfec=1', 'a=rtpmap:63 red/48000/2'],
  ...['a=candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host', 'a=candidate:2 1 udp 1 abc.local 50001 typ host'],
  ...['a=candidate:3 1 tcp 1 192.0.2.1 9 typ host tcptype active'],
  ...['m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 108', 'c=IN IP4 0.0.0.0', 'a=ice-ufrag:abcd'],
  ...['a=ice-pwd:0123456789012345678901', 'a=mid:1', 'a=sendonly', 'a=rtpmap:96 VP8/90000', 'a=rtpmap:97 rtx/90000'],
  ...['a=rtpmap:102 H264/90000', 'a=rtcp-fb:102 nack', 'a=rtcp-fb:102 nack pli', 'a=rtpmap:103 rtx/90000'],
  ...['a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f', 'a=rtpmap:108 H264/90000'],
  'a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
].join('\r\n');

const codeOf = (run: () => unknown): unknown => {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof SidepipeError ? error.code : error;
  }
};

describe('an offer', () => {
  it('has its media sections, formats and feedback', () => {
    const { iceUfrag, media } = parseOffer(offer);
    expect(iceUfrag).toBe('abcd');
    expect(media.map(({ mid, kind, direction }) => ({ mid, kind, direction }))).toEqual([
      { mid: '0', kind: 'audio', direction: 'sendonly' },
      { mid: '1', kind: 'video', direction: 'sendonly' },
    ]);
    expect(media[0]!.formats.map(({ payloadType, codec, channels }) => [payloadType, codec, channels])).toEqual([
      ...[
        [111, 'opus', 2],
        [63, 'red', 2],
        [0, 'pcmu', undefined],
      ],
    ]);
    const h264 = media[1]!.formats.find(({ payloadType }) => payloadType === 102)!;
    expect(h264.feedback).toEqual(['nack', 'nack pli']);
    expect(formatParameter(h264, 'profile-level-id')).toBe('42001f');
    expect([...media[0]!.extensions]).toEqual([[1, 'urn:ietf:params:rtp-hdrext:ssrc-audio-level']]);
  });

  it('loses candidates that the node must not contact', () => {
    const { sdp } = parseOffer(offer);
    expect(sdp.match(/a=candidate.*/g)).toEqual(['a=candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host']);
  });

  it('is rejected with a reason if it is none, too large, or lacks what ICE and DTLS need', () => {
    const broken = [
      ...['', 'v=0', 'hello', offer.replace('a=ice-ufrag:abcd', '').replace('a=ice-ufrag:abcd', '')],
      ...[
        offer.replace(/a=fingerprint.*/, ''),
        offer.replace('a=mid:1', 'a=mid:0'),
        offer.replace('UDP/TLS/RTP/SAVPF 111', 'RTP/AVP 111'),
      ],
      ...[
        `${offer}\r\n${'a=x\r\n'.repeat(3000)}`,
        `${offer}\r\na=${'x'.repeat(100_000)}`,
        offer + '\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:9'.repeat(17),
      ],
    ];
    for (const text of broken) expect(codeOf(() => parseOffer(text))).toBe('webrtc-offer-invalid');
  });

  it('is parsed or rejected, however it is damaged', () => {
    const damage = fc.array(fc.tuple(fc.nat(offer.length - 1), fc.string({ maxLength: 6 }), fc.nat(8)), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(damage, (edits) => {
        let text = offer;
        for (const [at, insert, remove] of edits) text = text.slice(0, at) + insert + text.slice(at + remove);
        expect([undefined, 'webrtc-offer-invalid', 'webrtc-offer-unacceptable']).toContain(
          codeOf(() => negotiatePublisher(parseOffer(text))),
        );
      }),
    );
  });
});

describe('a publisher’s offer', () => {
  it('is accepted with H.264 in packetization mode 1 and Opus', () => {
    const { video, audio, sections } = negotiatePublisher(parseOffer(offer));
    expect([video.payloadType, audio?.payloadType]).toEqual([108, 111]);
    expect(sections.map(({ format }) => format?.codec)).toEqual(['opus', 'h264']);
  });

  it('is not accepted without H.264 that is sent, or with several videos', () => {
    const unacceptable = [
      ...[offer.replaceAll('H264', 'H265'), offer.replaceAll('a=sendonly', 'a=recvonly')],
      `${offer}\r\n${offer.slice(offer.indexOf('m=video')).replace('a=mid:1', 'a=mid:2')}`,
      `${offer}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2`,
    ];
    for (const text of unacceptable) {
      expect(codeOf(() => negotiatePublisher(parseOffer(text)))).toBe('webrtc-offer-unacceptable');
    }
  });
});

describe('an ICE fragment', () => {
  it('has candidates with their media sections', () => {
    const candidate = 'candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host';
    const fragment = parseIceFragment(`a=ice-ufrag:abcd\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\na=${candidate}\r\n`);
    expect(fragment).toEqual({ iceUfrag: 'abcd', candidates: [{ mid: '1', candidate }] });
    expect(codeOf(() => parseIceFragment('hello'))).toBe('webrtc-offer-invalid');
  });
});

describe('an answer', () => {
  const answer = [
    'v=0',
    'a=candidate:1 1 UDP 1 10.0.0.1 8189 typ host',
    'a=candidate:2 1 UDP 1 fe80::1 8189 typ host',
    'a=mid:0',
  ].join('\r\n');

  it('announces the public addresses in the place of the machine’s own', () => {
    const sdp = announceCandidates(answer, { publicAddresses: ['203.0.113.5', '2001:db8::5'], port: 8189 });
    expect(sdp.match(/a=candidate.*/g)?.map((line) => line.split(' ').slice(4, 6))).toEqual([
      ...[
        ['203.0.113.5', '8189'],
        ['2001:db8::5', '8189'],
      ],
    ]);
  });

  it('without them announces all but link-local addresses', () => {
    const sdp = announceCandidates(answer, { publicAddresses: [], port: 8189 });
    expect(sdp.match(/a=candidate.*/g)).toEqual(['a=candidate:1 1 UDP 1 10.0.0.1 8189 typ host']);
  });
});
