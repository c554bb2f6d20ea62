type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment variables that ffmpeg and the programs beside it get: what the loader, the C library and the drivers of
 * graphics cards read. Everything else stays with the node, above all tokens and keys: any user who may read
 * `/proc/PID/environ` of a child, and any code in it, would have them.
 */
const PASSED = new Set([
  'PATH',
  'HOME',
  'USER',
  'TMPDIR',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TZDIR',
  'LD_LIBRARY_PATH',
  'LD_PRELOAD',
  'DYLD_LIBRARY_PATH',
  'GLIBC_TUNABLES',
  'XDG_RUNTIME_DIR',
  'FONTCONFIG_FILE',
  'FONTCONFIG_PATH',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'OPENSSL_CONF',
  'DRI_PRIME',
  'MFX_HOME',
  'VDPAU_DRIVER',
  // Windows starts no program without these.
  'SYSTEMROOT',
  'TEMP',
  'TMP',
]);

/** `LC_ALL`, `MALLOC_ARENA_MAX`, `LIBVA_DRIVER_NAME`, `CUDA_VISIBLE_DEVICES` and the like. */
const PASSED_PREFIX = /^(?:LC|MALLOC|LIBVA|CUDA|NVIDIA|MESA|LIBGL|VK|ONEVPL|INTEL_MEDIA|ZES|OMP)_/;

/**
 * How glibc keeps memory, unless the node's environment says so too. By itself it takes ever larger blocks out of its heap, pictures of
 * 3 MB among them, whose freed memory stays with the process: 2.5 MB of a usual ffmpeg.
 */
export const ALLOCATOR_DEFAULTS = { MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '131072' } as const;

/** What a child gets of the node's environment. Pure. */
export function childEnvironment(environment: Environment): Record<string, string> {
  return pick(environment, (name) => PASSED.has(name) || PASSED_PREFIX.test(name));
}

/** What `ffmpeg.environment` adds: the variables of these names, where they are set. Pure. */
export function passedEnvironment(environment: Environment, names: readonly string[]): Record<string, string> {
  return pick(environment, (name) => names.includes(name));
}

function pick(environment: Environment, isWanted: (name: string) => boolean): Record<string, string> {
  const wanted = Object.entries(environment).filter((entry): entry is [string, string] => {
    return isWanted(entry[0]) && entry[1] !== undefined;
  });
  return Object.fromEntries(wanted);
}
