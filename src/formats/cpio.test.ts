import { expect, test } from "bun:test";
import fc from "fast-check";
import { createExec } from "../host/process/exec-node.ts";
import { gatedTest } from "../host/testing/gate.ts";
import { type CpioEntry, encodeCpio } from "./cpio.ts";

type Read = { name: string; mode: number; content: string; device: [number, number] };

/** A reader that follows the format to the letter (kernel: Documentation/driver-api/early-userspace/buffer-format.rst). */
function decode(bytes: Uint8Array): Read[] {
  const found: Read[] = [];
  let at = 0;
  const text = (length: number) => {
    at += length;
    return Buffer.from(bytes.subarray(at - length, at)).toString("latin1");
  };
  const align = () => {
    at = (at + 3) & ~3;
  };
  for (;;) {
    expect(text(6)).toBe("070701");
    const fields = Array.from({ length: 13 }, () => Number.parseInt(text(8), 16));
    const name = text(fields[11] as number).slice(0, -1);
    align();
    const content = text(fields[6] as number);
    align();
    if (name === "TRAILER!!!") return found;
    found.push({ name, mode: fields[1] as number, content, device: [fields[9] as number, fields[10] as number] });
  }
}

const name = fc.stringMatching(/^[a-z]{1,12}(\/[a-z.]{1,12})?$/);
const entry: fc.Arbitrary<CpioEntry> = fc.oneof(
  name.map((n): CpioEntry => ({ name: n, kind: "folder", mode: 0o755 })),
  fc
    .tuple(name, fc.uint8Array({ maxLength: 50 }))
    .map(([n, content]): CpioEntry => ({ name: n, kind: "file", mode: 0o644, content })),
);

test("what is written is read back", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 10 }), (entries) => {
      const bytes = encodeCpio(entries);
      expect(bytes.length % 4).toBe(0);
      expect(decode(bytes).map(({ name: n, content }) => [n, content])).toEqual(
        entries.map((e) => [e.name, e.kind === "file" ? Buffer.from(e.content).toString("latin1") : ""]),
      );
    }),
  );
});

test("types, modes and device numbers are in place", () => {
  const [folder, device] = decode(
    encodeCpio([
      { name: "dev", kind: "folder", mode: 0o755 },
      { name: "dev/console", kind: "device", mode: 0o600, major: 5, minor: 1 },
    ]),
  );
  expect(folder?.mode).toBe(0o040755);
  expect(device).toMatchObject({ mode: 0o020600, device: [5, 1] });
});

gatedTest("tool:cpio", "the cpio program reads it too", async () => {
  const exec = createExec(process.env as Record<string, string>);
  const input = encodeCpio([
    { name: "a", kind: "folder", mode: 0o755 },
    { name: "a/b", kind: "file", mode: 0o644, content: new TextEncoder().encode("hello") },
  ]);
  const listed = await exec(["cpio", "--list", "--quiet"], { input });
  expect(new TextDecoder().decode(listed.stdout)).toBe("a\na/b\n");
});
