/**
 * Which platforms run here, in all spellings of operating systems and architectures in use (containerd,
 * `platforms.Normalize`).
 */

export type Platform = {
  os?: string | null | undefined;
  architecture?: string | null | undefined;
  variant?: string | null | undefined;
};

/** Null if unspecified: then the image's own config decides. */
export function isOurs(found: Platform | null | undefined): boolean | null {
  const os = (found?.os ?? "").toLowerCase();
  const architecture = (found?.architecture ?? "").toLowerCase();
  if ((os !== "" && os !== "linux") || (architecture !== "" && !ours.includes(architecture))) return false;
  return os === "" || architecture === "" ? null : true;
}

const ours = ["amd64", "x86_64", "x86-64"];

/** As in `linux/arm64`; unspecified parts are question marks. */
export function platformText(found: Platform | null | undefined): string {
  return `${found?.os || "?"}/${found?.architecture || "?"}`;
}
