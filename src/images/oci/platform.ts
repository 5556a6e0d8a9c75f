/** Which images run here: names of systems and architectures, in every spelling that is about (containerd, `platforms.Normalize`). */

export type Platform = {
  os?: string | null | undefined;
  architecture?: string | null | undefined;
  variant?: string | null | undefined;
};

/** Null: it does not say, so that the image's own config has to be asked. */
export function isOurs(found: Platform | null | undefined): boolean | null {
  const os = (found?.os ?? "").toLowerCase();
  const architecture = (found?.architecture ?? "").toLowerCase();
  if ((os !== "" && os !== "linux") || (architecture !== "" && !ours.includes(architecture))) return false;
  return os === "" || architecture === "" ? null : true;
}

const ours = ["amd64", "x86_64", "x86-64"];

/** As in `linux/arm64`; what is not said is a question mark. */
export function platformText(found: Platform | null | undefined): string {
  return `${found?.os || "?"}/${found?.architecture || "?"}`;
}
