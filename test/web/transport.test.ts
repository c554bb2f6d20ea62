import { expect, it } from 'vitest';
import { TransportSelection } from '../../src/web/client/player/transport.js';

it('uses WebRTC where it is offered, and HLS after it failed, until it is asked for', () => {
  const transports = new TransportSelection(false);
  expect(transports.next).toBe('hls');
  transports.offer(true);
  expect(transports.next).toBe('webrtc');
  transports.failed();
  expect(transports.next).toBe('hls');
  transports.choose('webrtc');
  transports.failed();
  expect(transports.next).toBe('webrtc');
  transports.choose('auto');
  expect(transports.next).toBe('webrtc');
});

it('tries WebRTC again if it has shown video before it failed', () => {
  const transports = new TransportSelection(true);
  transports.failed();
  transports.choose('auto');
  transports.played();
  expect(transports.next).toBe('webrtc');
  transports.choose('hls');
  expect(transports.next).toBe('hls');
});
