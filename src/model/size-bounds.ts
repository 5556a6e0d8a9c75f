/** Bounds for sizes in config, flags, API and image files; a size within them can still be more than the host has. */
export const sizeBounds = {
  vcpu: { min: 1, max: 64 },
  memoryMib: { min: 128, max: 1024 * 1024 },
  diskBytes: { min: 256 * 1024 ** 2, max: 64 * 1024 ** 4 },
} as const;
