/** Kernels are found by digest prefix, as images are. */
import { expect, test } from "bun:test";
import type { Digest, ImageName } from "../../base/names.ts";
import { openDatabase } from "../../host/files/sqlite.ts";
import { createStore } from "../../store/store.ts";
import { kernelRecord } from "../../store/testing/records.ts";
import { findKernel } from "./artifacts.ts";

const digest = (start: string) => `sha256:${start.padEnd(64, "0")}` as Digest;
const artifacts = { catalogNames: () => [] } as never;
const store = createStore(openDatabase(":memory:"), () => 0);
for (const [name, start] of [
  ["one", "abcdef1"],
  ["two", "abcdef2"],
  ["abcdef2", "123456"],
] as const)
  store.kernels.put(kernelRecord({ name: name as ImageName, digest: digest(start) }));

const found = (text: string) => {
  try {
    return findKernel({ store, artifacts }, text).digest;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test.each([
  ["sha256:abcdef1", digest("abcdef1")],
  ["abcdef1", digest("abcdef1")],
  ["sha256:abcdef", "KERNEL_AMBIGUOUS"],
  ["abcdef", "KERNEL_AMBIGUOUS"],
  ["abcdef2", digest("123456")],
  ["sha256:abcdef2", digest("abcdef2")],
  ["sha256:ffff", "KERNEL_NOT_FOUND"],
  ["two", digest("abcdef2")],
])("%s", (text, wanted) => expect(found(text)).toBe(wanted));
