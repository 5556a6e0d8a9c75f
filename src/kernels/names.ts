/** Names of kernels that can be downloaded. Kept light: the CLI uses it before it loads anything else. */

export const defaultKernel = "debian-bookworm-cloud";

/** The suite in `debian-SUITE-cloud`, or null for other names. */
export function suiteOf(name: string): string | null {
  return /^debian-([a-z]{2,20})-cloud$/.exec(name)?.[1] ?? null;
}
