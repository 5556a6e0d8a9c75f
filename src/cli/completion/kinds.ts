/** What a value can be completed with. Its placeholder in the help decides, so that every command has it without a list of its own. */

/** What the daemon has names of. */
export type LiveKind = "vm" | "image" | "kernel" | "snapshot" | "template";

/** `copy`: the names of VMs, each with a colon, and paths here. */
export type ValueKind = LiveKind | "copy" | "files" | "folders";

const kinds: Readonly<Record<string, ValueKind>> = {
  VM: "vm",
  IMAGE: "image",
  KERNEL: "kernel",
  SNAPSHOT: "snapshot",
  KEY: "template",
  SOURCE: "copy",
  TARGET: "copy",
  FILE: "files",
  PATH: "files",
  "RECIPE|FILE.toml": "files",
  DIR: "folders",
  FOLDER: "folders",
};

/** @param placeholder as it is in the help: `VM`, `[VM]`, `[NEW]...`; null: nothing can be proposed */
export function kindOf(placeholder: string): ValueKind | null {
  return kinds[bare(placeholder)] ?? null;
}

/** `SOURCE` of `SOURCE...`, `NEW` of `[NEW]...` */
export function bare(placeholder: string): string {
  return placeholder.replace(/\.\.\.$/, "").replace(/^\[(.*)\]$/, "$1");
}
