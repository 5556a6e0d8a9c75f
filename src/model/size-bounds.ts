/** The bounds of sizes wherever they are given (config, flags, API, image files); one within them may still be more than the host has. */
export const sizeBounds = {
  vcpu: { min: 1, max: 64 },
  memoryMib: { min: 128, max: 1024 * 1024 },
  diskBytes: { min: 256 * 1024 ** 2, max: 64 * 1024 ** 4 },
} as const;
