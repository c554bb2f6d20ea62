/**
 * Masks secrets in two ways: every secret in the configuration is known by value (`collectSecrets`), and every URL,
 * known or not, is masked by its structure (`redactUrl`).
 */

const mask = '***';

/** Shorter secrets are masked only in URLs: masking every `a` would make a log unreadable. */
const shortestSecret = 3;

const secretName =
  /token|secret|pas|pwd|^pw$|key|sig|auth|cred|session|jwt|streamid|^sas$|hdnts|hdnea|policy|^headers$/i;

/** Whether a setting or a query parameter of this name is secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** A URL inside a longer text, up to its end. */
const urlPattern = /([a-z][a-z0-9+.-]{0,30}:(?:\/\/|\\\/\\\/))([^\s"'<>`]*)/gi;
/** A URL inside another URL's query. */
const encodedUrlPattern = /(%3A%2F%2F(?:[^\s"'<>`&%]|%(?!3A|2F|40)){0,200}%3A)([^\s"'<>`&]{0,200})(%40)/gi;
const parameterPattern = /([?&;#])([^\s=&;#?"'<>]+)=([^\s&#"'<>]*)/g;

/**
 * Masks the passwords of all URLs in a text, and the values of parameters with secret names. Host and path
 * are kept. Passwords pasted without encoding can contain `/ ? # @`, so in a URL with a password everything up to the
 * last `@` counts as the password.
 */
export function redactUrl(text: string): string {
  return text
    .replace(urlPattern, (_, scheme: string, rest: string) => scheme + withoutPassword(rest))
    .replace(encodedUrlPattern, `$1${mask}$3`)
    .replace(parameterPattern, (whole, start: string, name: string, value: string) =>
      value !== '' && isSecretName(decode(name)) ? `${start}${name}=${mask}` : whole,
    );
}

function withoutPassword(rest: string): string {
  const end = passwordEnd(rest);
  if (end === undefined) return rest;
  const colon = rest.indexOf(':');
  // A user name alone can be a token.
  const start = colon === -1 || colon > end ? 0 : colon + 1;
  return rest.slice(0, start) + mask + rest.slice(end);
}

/** The position of the `@` after a URL's user name and password, if it has them. */
function passwordEnd(rest: string): number | undefined {
  const last = rest.lastIndexOf('@');
  if (last === -1) return undefined;
  const authority = authorityOf(rest);
  if (authority.includes('@')) return authority.includes(':') ? last : authority.lastIndexOf('@');
  // An authority without `@` is a host with an optional port. But `admin:12/34@camera` has a password with a slash.
  const host = /^(?:\[[0-9a-f:.%]*\]|localhost|[^:]*\.[^:]*)(?::\d{0,5})?$/i.test(authority);
  return host || !authority.includes(':') ? undefined : last;
}

function authorityOf(rest: string): string {
  return /^[^/?#]*/.exec(rest)?.[0] ?? '';
}

/** Longer secrets are not put into the regular expression: it would not compile, and its error would quote the secret. */
const longestInPattern = 1000;

/** Returns a function that masks these secrets and everything that `redactUrl` masks. Create it once; calls are cheap. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= shortestSecret)
    // Longest first: a secret can be a prefix of another.
    .sort((a, b) => b.length - a.length);
  if (known.length === 0) return redactUrl;
  const long = known.filter((secret) => secret.length > longestInPattern);
  const patterns = known.slice(long.length).map((secret) => secret.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  const pattern = new RegExp(patterns.length > 0 ? patterns.join('|') : '(?!)', 'g');
  return (text) => {
    const rest = long.reduce((before, secret) => before.replaceAll(secret, mask), text);
    return redactUrl(rest.replace(pattern, mask));
  };
}

export function redactText(text: string, secrets: readonly string[]): string {
  return createRedactor(secrets)(text);
}

/**
 * Every secret in a configuration, validated or not, in each form in which it could appear in a log: as written,
 * percent-decoded, percent-encoded, escaped for JSON, and as the base64 of an Authorization header.
 */
export function collectSecrets(config: unknown): string[] {
  const found = new Set<string>();
  collect(config, '', found);
  return [...found].filter((secret) => secret.length >= shortestSecret);
}

function collect(value: unknown, name: string, found: Set<string>): void {
  if (typeof value === 'string' || typeof value === 'number') {
    if (isSecretName(name)) addForms(String(value), found);
    else if (typeof value === 'string') for (const secret of secretsOfUrl(value)) found.add(secret);
  } else if (Array.isArray(value)) {
    for (const item of value) collect(item, name, found);
  } else if (typeof value === 'object' && value !== null) {
    // Any header value can be a secret, whatever its name.
    for (const [key, item] of Object.entries(value)) collect(item, name === 'headers' ? name : key, found);
  }
}

/** The secrets in one URL, or in a malformed one. The whole text is the URL. */
export function secretsOfUrl(url: string): string[] {
  const found = new Set<string>();
  for (const [user, password] of credentialsOf(url)) {
    addForms(password, found);
    for (const form of [`${user}:${password}`, `${decode(user)}:${decode(password)}`]) found.add(base64(form));
  }
  for (const [, , name, value] of url.matchAll(parameterPattern)) {
    if (name !== undefined && value && isSecretName(decode(name))) addForms(value, found);
  }
  return [...found];
}

/** All readings of a URL's user name and password: the one that parsers see and the one that an unencoded paste meant. */
function credentialsOf(url: string): [string, string][] {
  const [, rest = ''] = /^(?:[a-z][a-z0-9+.-]*:\/{1,3})?(.*)$/is.exec(url) ?? [];
  const authority = authorityOf(rest);
  const meant = passwordEnd(rest);
  const readings: [string, string][] = [];
  for (const end of [authority.lastIndexOf('@'), authority.indexOf('@'), meant ?? -1]) {
    const colon = rest.indexOf(':');
    if (end > colon && colon !== -1) readings.push([rest.slice(0, colon), rest.slice(colon + 1, end)]);
  }
  return readings;
}

function addForms(secret: string, found: Set<string>): void {
  for (const plain of new Set([secret, decode(secret), decode(secret.replaceAll('+', ' '))])) {
    const encoded = encode(plain);
    const everything = encoded.replace(/[!'()*~_.-]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
    const gently = encode(plain, encodeURI);
    for (const form of [plain, encoded, gently, encoded.replaceAll('%20', '+'), everything, asInUrl(plain)]) {
      found.add(form);
      found.add(form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
    }
    found.add(JSON.stringify(plain).slice(1, -1));
  }
}

/** The decoded text, or the same text if it cannot be decoded. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function encode(text: string, how: (text: string) => string = encodeURIComponent): string {
  // A lone surrogate cannot be encoded.
  return how(text.replace(/\p{Surrogate}/gu, '\uFFFD'));
}

/** A password as the URL parser serializes it. */
function asInUrl(text: string): string {
  const url = new URL('http://user@host');
  url.password = text;
  return url.password;
}

function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** A copy for operators to read: values of secret settings, and secrets in URLs, are replaced with `***`. */
export function withoutSecrets<T>(value: T, name = ''): T {
  if (typeof value === 'string') return (isSecretName(name) ? mask : redactUrl(value)) as T;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, name)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, key)])) as T;
}
