/**
 * Names that become parts of paths, DNS names and interface names. They are parsed once, where they come in; the branded type is the
 * proof.
 */
import { fail } from "./errors/error.ts";

declare const vmName: unique symbol;
declare const vmId: unique symbol;
declare const imageName: unique symbol;
declare const digest: unique symbol;

/** Safe as a path component, a DNS label and a host name: `[a-z0-9-]`, 1-32, hyphens inside only. */
export type VmName = string & { readonly [vmName]: true };
/** 8 characters of `[a-z0-9]`, made by banger, never given by users; short because socket paths are. */
export type VmId = string & { readonly [vmId]: true };
/** An image or kernel name as users type it: `debian-bookworm`, `name:tag`, `sha256:…`. */
export type ImageName = string & { readonly [imageName]: true };
/** `sha256:` and 64 lower-case hex digits. */
export type Digest = string & { readonly [digest]: true };

/** Whether `parseVmName` takes it. */
export function isVmName(text: string): text is VmName {
  return /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(text);
}

export function parseVmName(text: string): VmName {
  if (!isVmName(text)) throw fail("VM_NAME_INVALID", { text });
  return text;
}

/** Snapshot names follow the rules of VM names. @throws SNAPSHOT_NAME_INVALID */
export function parseSnapshotName(text: string): string {
  if (!isVmName(text)) throw fail("SNAPSHOT_NAME_INVALID", { text });
  return text;
}

export function isVmId(text: string): text is VmId {
  return /^[a-z0-9]{8}$/.test(text);
}

const part = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*";
const imagePattern = new RegExp(
  `^(?:(?:localhost|${part}|\\[[0-9a-f:]+\\])(?::\\d{1,5})?/)?${part}(?:/${part})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);

/** A local name (`debian-bookworm`, `tool:v2`), or a reference in its full spelling (`reference.ts`). */
export function isImageName(text: string): text is ImageName {
  return text.length <= 512 && imagePattern.test(text);
}

export function parseImageName(text: string): ImageName {
  if (!isImageName(text)) throw fail("IMAGE_NAME_INVALID", { text: text.slice(0, 600) });
  return text;
}

export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}
