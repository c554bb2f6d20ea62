/** A request after its body has come in whole. */
export interface S3Request {
  readonly method: string;
  /** As it was sent, still encoded, without the query. */
  readonly rawPath: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
}

export interface S3Response {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export function parseTarget(url: string): Pick<S3Request, 'rawPath' | 'query' | 'bucket' | 'key'> {
  const [rawPath = '/', search = ''] = splitOnce(url, '?');
  const query = search
    .split('&')
    .filter((part) => part !== '')
    .map(
      (part) => splitOnce(part, '=').map((text) => decodeURIComponent(text.replaceAll('+', '%20'))) as [string, string],
    );
  const [bucket = '', key = ''] = splitOnce(rawPath.slice(1), '/').map((text) => decodeURIComponent(text));
  return { rawPath, query, bucket: bucket === '' ? undefined : bucket, key: key === '' ? undefined : key };
}

export const queryOf = (request: Pick<S3Request, 'query'>, name: string): string | undefined =>
  request.query.find(([item]) => item === name)?.[1];

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
