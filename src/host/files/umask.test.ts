import { expect, test } from "bun:test";
import { fileMask } from "./umask.ts";

test("the umask is read, and stays as it is", () => {
  const before = process.umask(0o027);
  try {
    expect(fileMask()).toBe(0o027);
    expect(fileMask()).toBe(0o027);
  } finally {
    process.umask(before);
  }
});
