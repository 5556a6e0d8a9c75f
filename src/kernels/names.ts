/** Names of kernels that can be fetched. Light on purpose: the CLI asks it before it loads anything. */

export const defaultKernel = "debian-bookworm-cloud";

/** The suite in `debian-SUITE-cloud`, or null for another name. */
export function suiteOf(name: string): string | null {
  return /^debian-([a-z]{2,20})-cloud$/.exec(name)?.[1] ?? null;
}
