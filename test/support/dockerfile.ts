/** One instruction of a Dockerfile, as far as this project's needs any. */
export type Instruction =
  | {
      readonly kind: 'copy';
      readonly from: string | undefined;
      readonly sources: readonly string[];
      readonly to: string;
    }
  | { readonly kind: 'run'; readonly command: string }
  | { readonly kind: 'workdir'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string; readonly value: string }
  | { readonly kind: 'arg'; readonly name: string; readonly value: string }
  | { readonly kind: 'user'; readonly name: string };

export interface Stage {
  readonly base: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
}

/** Reads a Dockerfile. Throws on an instruction that is not known here, so that none is passed over. Pure. */
export function parseDockerfile(text: string): Stage[] {
  const stages: Stage[] = [];
  // Arguments before the first FROM are for the names of base images alone.
  const global = new Map<string, string>();
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  for (const line of lines) {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') {
      const [, base = '', name] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      const named = base.replace(/\$\{(\w+)\}/g, (_, each: string) => {
        const value = global.get(each);
        if (value === undefined) throw new Error(`${each} is not set: ${line}`);
        return value;
      });
      stages.push({ base: named, name, instructions: [], entrypoint: [], command: [], healthcheck: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined) {
      const [, each = '', value = ''] = /^ARG (\w+)=(\S+)$/.exec(line) ?? [];
      if (each === '') throw new Error(`before the first FROM: ${line}`);
      global.set(each, value);
      continue;
    }
    stages[stages.length - 1] = withInstruction(stage, word, rest);
  }
  return stages;
}

function withInstruction(stage: Stage, word: string, rest: string): Stage {
  const and = (instruction: Instruction): Stage => ({ ...stage, instructions: [...stage.instructions, instruction] });
  switch (word) {
    case 'COPY': {
      const [, from, paths = ''] = /^(?:--from=(\S+)\s+)?(.+)$/.exec(rest) ?? [];
      const all = paths.split(/\s+/);
      return and({ kind: 'copy', from, sources: all.slice(0, -1), to: all.at(-1)! });
    }
    case 'RUN':
      return and({ kind: 'run', command: rest });
    case 'WORKDIR':
      return and({ kind: 'workdir', path: rest });
    case 'ENV':
    case 'ARG': {
      const [, name = '', value = ''] = /^(\w+)=(\S*)$/.exec(rest) ?? [];
      return and({ kind: word === 'ENV' ? 'env' : 'arg', name, value });
    }
    case 'USER':
      return and({ kind: 'user', name: rest });
    case 'EXPOSE':
    case 'LABEL':
      return stage;
    case 'HEALTHCHECK':
      return { ...stage, healthcheck: JSON.parse(rest.slice(rest.indexOf('CMD ') + 4)) as string[] };
    case 'ENTRYPOINT':
      return { ...stage, entrypoint: JSON.parse(rest) as string[] };
    case 'CMD':
      return { ...stage, command: JSON.parse(rest) as string[] };
    default:
      throw new Error(`${word} is not known here`);
  }
}

/** The files that `COPY .` takes: those that a `.dockerignore` of one `*` and names behind `!` lets through. Pure. */
export function contextOf(files: readonly string[], dockerignore: string): string[] {
  const lines = dockerignore.split('\n').filter((line) => line !== '');
  if (lines[0] !== '*') throw new Error('.dockerignore does not begin with *');
  const wanted = lines.slice(1).map((line) => {
    if (!/^![\w.-]+$/.test(line)) throw new Error(`.dockerignore: ${line} is not known here`);
    return line.slice(1);
  });
  return files.filter((file) => wanted.includes(file.split('/')[0]!));
}
