/** Randomness and digests. */
import * as crypto from "node:crypto";
import type { Digest, VmId } from "../base/names.ts";

export function randomBytes(count: number): Uint8Array {
  return crypto.randomBytes(count);
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789";

/** 8 characters, 41 bits: unique among the VMs of one host. */
export function randomId(): VmId {
  return Array.from({ length: 8 }, () => letters[crypto.randomInt(letters.length)]).join("") as VmId;
}

export function sha256(data: string | Uint8Array): Digest {
  return `sha256:${crypto.createHash("sha256").update(data).digest("hex")}` as Digest;
}
