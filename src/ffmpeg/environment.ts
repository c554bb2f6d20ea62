type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment variables that ffmpeg and its helper programs get: those that the loader, the C library and graphics drivers read. All
 * others stay with the node, above all tokens and keys: any user who may read `/proc/PID/environ` of a child, and any code in it,
 * would have them.
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

/** `LC_ALL`, `MALLOC_ARENA_MAX`, `LIBVA_DRIVER_NAME`, `CUDA_VISIBLE_DEVICES` and similar. */
const PASSED_PREFIX = /^(?:LC|MALLOC|LIBVA|CUDA|NVIDIA|MESA|LIBGL|VK|ONEVPL|INTEL_MEDIA|ZES|OMP)_/;

/**
 * glibc's memory settings, unless the node's environment has them. By default glibc takes ever larger blocks from its heap, such as
 * frames of 3 MB, and the freed memory stays with the process: 2.5 MB for a typical ffmpeg.
 */
export const ALLOCATOR_DEFAULTS = { MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '131072' } as const;

/** The part of the node's environment that a child gets. Pure. */
export function childEnvironment(environment: Environment): Record<string, string> {
  return pick(environment, (name) => PASSED.has(name) || PASSED_PREFIX.test(name));
}

/** The variables of `ffmpeg.environment` that are set. Pure. */
export function passedEnvironment(environment: Environment, names: readonly string[]): Record<string, string> {
  return pick(environment, (name) => names.includes(name));
}

function pick(environment: Environment, isWanted: (name: string) => boolean): Record<string, string> {
  const wanted = Object.entries(environment).filter((entry): entry is [string, string] => {
    return isWanted(entry[0]) && entry[1] !== undefined;
  });
  return Object.fromEntries(wanted);
}
