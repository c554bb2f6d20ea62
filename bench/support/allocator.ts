/** glibc's memory settings, as the Docker image and the systemd unit set them: freed segments go back to the kernel. */
export const ALLOCATOR_SETTINGS = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072' } as const;

/** Environment variables as a shell takes them. Pure. */
export function assignments(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map((each) => each.join('='))
    .join(' ');
}
