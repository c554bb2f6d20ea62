/**
 * Keeps secrets out of texts. Two nets, one behind the other: every secret that the configuration holds is known
 * by value (`collectSecrets`), and every URL is cleaned by its shape (`redactUrl`), whoever wrote it.
 */

const mask = '***';

/** Shorter secrets are hidden in URLs only: hiding each `a` of a log would make it unreadable. */
const shortestSecret = 3;

const secretName =
  /token|secret|pas|pwd|^pw$|key|sig|auth|cred|session|jwt|streamid|^sas$|hdnts|hdnea|policy|^headers$/i;

/** Whether a setting or a query parameter of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** A URL, as far as it goes in a longer text. */
const urlPattern = /([a-z][a-z0-9+.-]{0,30}:(?:\/\/|\\\/\\\/))([^\s"'<>`]*)/gi;
/** A URL inside another URL's query. */
const encodedUrlPattern = /(%3A%2F%2F(?:[^\s"'<>`&%]|%(?!3A|2F|40)){0,200}%3A)([^\s"'<>`&]{0,200})(%40)/gi;
const parameterPattern = /([?&;#])([^\s=&;#?"'<>]+)=([^\s&#"'<>]*)/g;

/**
 * Hides the passwords of all URLs in a text, and the values of parameters whose names look secret. Host and path
 * stay. Passwords that were pasted without encoding contain `/ ? # @`, so in a URL that has a password all up to the
 * last `@` is taken for it.
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

/** The position of the `@` behind a URL's user name and password, if it has them. */
function passwordEnd(rest: string): number | undefined {
  const last = rest.lastIndexOf('@');
  if (last === -1) return undefined;
  const authority = authorityOf(rest);
  if (authority.includes('@')) return authority.includes(':') ? last : authority.lastIndexOf('@');
  // Without an `@` it is a host and perhaps a port. But `admin:12/34@camera` has a password with a slash.
  const host = /^(?:\[[0-9a-f:.%]*\]|localhost|[^:]*\.[^:]*)(?::\d{0,5})?$/i.test(authority);
  return host || !authority.includes(':') ? undefined : last;
}

function authorityOf(rest: string): string {
  return /^[^/?#]*/.exec(rest)?.[0] ?? '';
}

/** A pattern of more characters is one that no engine compiles, and its error would quote it. */
const longestInPattern = 1000;

/** A function that hides these secrets and what `redactUrl` hides. Cheap to call often: prepare it once. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= shortestSecret)
    // The longest first: a secret can be the beginning of another.
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
 * Every secret in a configuration, checked or not, in each form in which a log could show it: as it was written,
 * percent-decoded, percent-encoded, inside a JSON text, and as the base64 of an Authorization header.
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
    // Of headers every value may be one, whatever its name.
    for (const [key, item] of Object.entries(value)) collect(item, name === 'headers' ? name : key, found);
  }
}

/** The secrets inside one URL, or inside what was meant as one: here the whole text is known to be the URL. */
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

/** All readings of a URL's user name and password: what parsers take, and what a careless paste meant. */
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

/** Decodes what can be decoded and keeps the rest. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function encode(text: string, how: (text: string) => string = encodeURIComponent): string {
  // Half a surrogate pair cannot be encoded.
  return how(text.replace(/\p{Surrogate}/gu, '\uFFFD'));
}

/** As a URL parser writes a password. */
function asInUrl(text: string): string {
  const url = new URL('http://user@host');
  url.password = text;
  return url.password;
}

function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** A copy of plain values for operators to read: secrets by the names of their settings, and those in URLs, are `***`. */
export function withoutSecrets<T>(value: T, name = ''): T {
  if (typeof value === 'string') return (isSecretName(name) ? mask : redactUrl(value)) as T;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, name)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, key)])) as T;
}
