import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { listen } from '../../src/net/listen.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function makeServer(): Server {
  const server = createServer();
  servers.push(server);
  return server;
}

const loopback = { host: '127.0.0.1', port: 0, failure: 'No port for the test' };

describe('listen', () => {
  it('returns the port that the system chose', async () => {
    const port = await listen(makeServer(), loopback);
    expect(port).toBeGreaterThan(0);
    expect((servers[0]!.address() as { port: number }).port).toBe(port);
  });

  it('names what cannot be done and why', async () => {
    const port = await listen(makeServer(), loopback);
    const failure = listen(makeServer(), { ...loopback, port, fault: 'caller', details: { path: 'x.port' } });
    await expect(failure).rejects.toMatchObject({
      message: 'No port for the test: port already in use',
      code: 'port-unavailable',
      fault: 'caller',
      details: { path: 'x.port', host: '127.0.0.1', port },
    });
  });

  it('names the setting of an address that the machine does not have', async () => {
    const failure = listen(makeServer(), { ...loopback, host: '192.0.2.1', hostSetting: 'x.host' });
    await expect(failure).rejects.toThrow('No port for the test: this machine does not have this address (x.host)');
  });

  it('lets a server that failed listen elsewhere', async () => {
    const server = makeServer();
    await expect(listen(server, { ...loopback, host: '192.0.2.1' })).rejects.toMatchObject({ fault: 'node' });
    expect([server.listenerCount('error'), server.listenerCount('listening')]).toEqual([0, 0]);
    expect(await listen(server, loopback)).toBeGreaterThan(0);
  });

  it('reports later errors and keeps the server', async () => {
    const errors: Error[] = [];
    const server = makeServer();
    await listen(server, { ...loopback, onError: (error) => errors.push(error) });
    const error = new Error('accept EMFILE');
    server.emit('error', error);
    expect([errors, server.listening]).toEqual([[error], true]);
    const quiet = makeServer();
    await listen(quiet, loopback);
    quiet.emit('error', error);
    expect(quiet.listening).toBe(true);
  });
});
