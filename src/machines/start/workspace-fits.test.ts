import { expect, test } from "bun:test";
import { parseSize } from "../../base/units.ts";
import { newHost, recorder, startDaemon } from "../testing/daemon.ts";
import { adviseDisk, requireFits, type WorkspaceSize } from "./workspace-fits.ts";

const gib = 1024 ** 3;
const code = (size: WorkspaceSize, disk: number) => {
  try {
    requireFits(size, disk);
    return "fits";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test.each([
  [{ bytes: 0, entries: 0 }, 0.25, "fits"],
  [{ bytes: 7 * gib, entries: 1000 }, 8, "fits"],
  [{ bytes: 8 * gib, entries: 1000 }, 8, "WORKSPACE_TOO_LARGE"],
  [{ bytes: 7.9 * gib, entries: 1000 }, 8, "WORKSPACE_TOO_LARGE"],
  [{ bytes: gib, entries: 500_000 }, 8, "fits"],
  [{ bytes: gib, entries: 600_000 }, 8, "WORKSPACE_TOO_LARGE"],
  [{ bytes: 4096, entries: 60_000 }, 0.25, "fits"],
] as [WorkspaceSize, number, string][])("%j on a disk of %d GiB: %s", (size, disk, expected) => {
  expect(code(size, disk * gib)).toBe(expected);
});

test("a disk of the suggested size is large enough", () => {
  for (const size of [
    { bytes: 8 * gib, entries: 1 },
    { bytes: 0, entries: 3_000_000 },
    { bytes: 1, entries: 1 },
    { bytes: 900 * gib, entries: 9e6 },
  ])
    expect(code(size, parseSize(adviseDisk(size)) ?? 0)).toBe("fits");
});

test("a workspace that does not fit is refused before a VM, or an image, is made", async () => {
  const machines = await startDaemon(newHost());
  await machines.deleteImage("debian-bookworm");
  const { events, emit, signal } = recorder();
  const request = { ephemeral: false, workspace: { bytes: 12 * gib, entries: 10 } };
  const refused = machines.create(request, { wait: "agent" }, emit, signal);
  await expect(refused).rejects.toMatchObject({
    code: "WORKSPACE_TOO_LARGE",
    hint: expect.stringContaining("--disk 17G"),
  });
  expect([events, machines.all()]).toEqual([[], []]);
});
