/** Converts between the values of the stream form and API settings. Pure. */

/** Values by field name. Field names are setting paths, except `kind` and `more`. */
export type FormValues = Readonly<Record<string, string>>;

type Settings = { [name: string]: unknown };

export interface FieldFault {
  /** A field of the form; undefined if the fault belongs to none. */
  readonly field: string | undefined;
  readonly message: string;
}

const numeric = ['thumbnail.intervalSeconds', 'thumbnail.width', 'hls.segmentSeconds', 'hls.windowSegments'];
const plain = ['audio', ...numeric];

/** The settings of a new stream: empty fields use the default. Throws a `SyntaxError` on invalid JSON. */
export function createBody(values: FormValues): Settings {
  const body: Settings = { name: values['name'] ?? '', source: sourceOf(values) };
  for (const path of plain) if ((values[path] ?? '') !== '') place(body, path, fieldValue(path, values));
  return merge(body, moreOf(values));
}

/** The settings that differ from the initial values. An emptied field is reset to its default. */
export function patchBody(values: FormValues, before: FormValues): Settings {
  const body: Settings = {};
  if (sourceOf(values) !== sourceOf(before)) body['source'] = sourceOf(values);
  for (const path of plain) {
    if (values[path] === before[path]) continue;
    place(body, path, values[path] === '' ? null : fieldValue(path, values));
  }
  return merge(body, moreOf(values));
}

/** The initial values of the form for an existing stream. */
export function valuesOf(name: string, settings: Settings): FormValues {
  const source = String(settings['source'] ?? '');
  const kind = source === 'push' || source === 'test' ? source : 'url';
  const fields = Object.fromEntries(plain.map((path) => [path, String(at(settings, path) ?? '')]));
  return { name, kind, source: kind === 'url' ? source : '', ...fields, more: '' };
}

/** Assigns each problem to its field. If `more` is filled in, problems without a field go there, with their path. */
export function faultsOf(
  problem: {
    readonly code: string;
    readonly detail: string;
    readonly errors?: readonly { path: string; message: string }[];
  },
  fields: readonly string[],
  hasMore: boolean,
): FieldFault[] {
  if (problem.code === 'stream-exists') return [{ field: 'name', message: problem.detail }];
  if (problem.errors === undefined || problem.errors.length === 0)
    return [{ field: undefined, message: problem.detail }];
  return problem.errors.map(({ path, message }) => {
    const field = fields.find((name) => name === path);
    if (field !== undefined) return { field, message: message.endsWith('got an empty string') ? 'Required.' : message };
    return { field: hasMore ? 'more' : undefined, message: path === '' ? message : `${path}: ${message}` };
  });
}

function sourceOf({ kind, source = '' }: FormValues): string {
  return kind === 'url' ? source.trim() : (kind ?? '');
}

/** Anything that is not a number is sent unchanged: the node reports what is wrong with it. */
function fieldValue(path: string, values: FormValues): string | number {
  const text = (values[path] ?? '').trim();
  return numeric.includes(path) && /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

function moreOf({ more = '' }: FormValues): Settings {
  if (more.trim() === '') return {};
  const value: unknown = JSON.parse(more);
  if (!isSettings(value)) throw new SyntaxError('expected an object');
  return value;
}

function place(body: Settings, path: string, value: unknown): void {
  const [first = '', second] = path.split('.');
  if (second === undefined) body[first] = value;
  else body[first] = { ...(body[first] as Settings | undefined), [second]: value };
}

function at(settings: Settings, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => (isSettings(value) ? value[name] : undefined), settings);
}

function merge(base: Settings, more: Settings): Settings {
  const merged = { ...base };
  for (const [name, value] of Object.entries(more)) {
    const old = merged[name];
    merged[name] = isSettings(old) && isSettings(value) ? merge(old, value) : value;
  }
  return merged;
}

function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
