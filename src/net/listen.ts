import type { AddressInfo, Server } from 'node:net';
import { messageOf, SidepipeError } from '../errors.js';

export interface ListenTarget {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The start of the error message: what cannot be done. The reason follows. */
  readonly failure: string;
  /** Who can correct a failure. Default: `node`. */
  readonly fault?: 'caller' | 'node';
  /** The setting that contains the host, for the reason. */
  readonly hostSetting?: string;
  /** Further details of the error, beside host and port. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Called with errors of a listening server, such as a lack of file descriptors: it continues. Default: they are ignored. */
  readonly onError?: (error: Error) => void;
}

/** Lets a server listen, and returns its port. Throws `port-unavailable`; the server can listen elsewhere then. */
export function listen(server: Server, options: ListenTarget): Promise<number> {
  const { host, port, onError = () => {} } = options;
  return new Promise<number>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off('listening', listening);
      reject(portUnavailable(error, options));
    };
    const listening = (): void => {
      server.off('error', failed);
      server.on('error', onError);
      resolve((server.address() as AddressInfo).port);
    };
    server.once('error', failed).once('listening', listening);
    server.listen({ host, port });
  });
}

function portUnavailable(cause: NodeJS.ErrnoException, options: ListenTarget): SidepipeError {
  const { host, port, failure, fault = 'node', details } = options;
  return new SidepipeError(`${failure}: ${reasonOf(cause, options)}`, {
    code: 'port-unavailable',
    fault,
    cause,
    details: { ...details, host, port },
  });
}

function reasonOf(error: NodeJS.ErrnoException, { hostSetting }: ListenTarget): string {
  const setting = hostSetting === undefined ? '' : ` (${hostSetting})`;
  switch (error.code) {
    case 'EADDRINUSE':
      return 'port already in use';
    case 'EACCES':
      return 'permission denied';
    case 'EADDRNOTAVAIL':
      return `this machine does not have this address${setting}`;
    case 'ENOTFOUND':
      return `this host name cannot be resolved${setting}`;
    default:
      return messageOf(error);
  }
}
