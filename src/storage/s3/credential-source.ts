import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the credentials of a store come from, as text for remedies. */
export interface CredentialSource {
  /** What to check: the settings or files in use. */
  readonly what: string;
  /** What to do if there are no credentials. */
  readonly missing: string;
  /** The SDK's chain finds them, so they can change while the node runs. */
  readonly isChain: boolean;
}

export const configuredKeys: CredentialSource = {
  what: 'storage.s3.accessKeyId and storage.s3.secretAccessKey',
  missing: 'set storage.s3.accessKeyId and storage.s3.secretAccessKey',
  isChain: false,
};

type Environment = Readonly<Record<string, string | undefined>>;

interface KeySettings {
  readonly accessKeyId?: string | undefined;
  readonly sessionToken?: string | undefined;
}

/**
 * Where the credentials come from. `found`: the names that the SDK attaches to credentials from its chain, such as `CREDENTIALS_PROFILE`;
 * undefined before the first request, or if the chain found none.
 */
export function credentialSource(
  config: KeySettings,
  env: Environment,
  found?: Readonly<Record<string, unknown>>,
): CredentialSource {
  if (config.accessKeyId !== undefined) {
    if (config.sessionToken === undefined) return configuredKeys;
    return { ...configuredKeys, what: `${configuredKeys.what}, and storage.s3.sessionToken` };
  }
  const profile = `the profile ${env['AWS_PROFILE'] || 'default'} in ${credentialsFile(env)}`;
  const missing =
    'no credentials were found: set storage.s3.accessKeyId and storage.s3.secretAccessKey, or AWS_ACCESS_KEY_ID and ' +
    `AWS_SECRET_ACCESS_KEY in the environment, or write ${profile}, or give the machine a role`;
  return { what: foundIn(Object.keys(found ?? {}), profile, env), missing, isChain: true };
}

function foundIn(found: readonly string[], profile: string, env: Environment): string {
  const has = (pattern: RegExp): boolean => found.some((name) => pattern.test(name));
  if (has(/^CREDENTIALS_ENV_VARS$/)) {
    return "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the node's environment (a change needs a restart)";
  }
  if (has(/SSO|LOGIN/)) return `the login of ${profile} (aws sso login)`;
  if (has(/PROFILE|PROCESS/)) return profile;
  if (has(/WEB_ID/)) {
    return `the role AWS_ROLE_ARN and its token in AWS_WEB_IDENTITY_TOKEN_FILE (${env['AWS_WEB_IDENTITY_TOKEN_FILE'] ?? 'unset'})`;
  }
  if (has(/CREDENTIALS_HTTP/)) return 'the role of the container (AWS_CONTAINER_CREDENTIALS_*_URI)';
  if (has(/IMDS/)) return 'the role of the instance (metadata service)';
  return `the AWS environment, ${profile}, or the role of this machine: storage.s3.accessKeyId is not set`;
}

function credentialsFile(env: Environment): string {
  const file = env['AWS_SHARED_CREDENTIALS_FILE'];
  if (file) return `${file} (AWS_SHARED_CREDENTIALS_FILE)`;
  return join(env['HOME'] || homedir(), '.aws', 'credentials');
}
