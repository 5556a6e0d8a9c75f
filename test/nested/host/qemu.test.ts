import { expect, test } from "bun:test";
import { fullCpu, type HostPlan, hostArgv } from "./qemu.ts";

const plan: HostPlan = {
  files: { vmlinux: "vmlinux", initramfs: "cpio", root: "root", modules: "modules", data: "data", store: "store" },
  bytes: { root: 4096, modules: 8192, data: 16384 },
  memory: { path: "memory", isKept: true },
  cpu: fullCpu,
  sockets: { agent: "agent", monitor: "monitor" },
  serialLog: "serial",
  isRestored: false,
  hasInit: false,
};
const fileOf = (argv: string[], name: string) => argv.find((word) => word.includes(`file=${name},`)) ?? "";
const memoryOf = (argv: string[]) => argv.find((word) => word.startsWith("memory-backend-file")) ?? "";

test("the host that is saved boots, and writes to what is kept", () => {
  const argv = hostArgv(plan);
  expect(argv.join(" ")).toContain("banger.disks=layer0:vda:4096,data:vdb:16384,modules:vdc:8192");
  expect(memoryOf(argv)).toEndWith("share=on");
  expect(fileOf(argv, "data")).not.toContain("snapshot");
});

test("a run waits for the state, and writes to its own disk alone", () => {
  const argv = hostArgv({ ...plan, memory: { path: "memory", isKept: false }, isRestored: true });
  expect(argv).toContain("-incoming");
  expect(argv).not.toContain("-kernel");
  expect(memoryOf(argv)).toEndWith("share=off");
  expect(fileOf(argv, "data")).toContain("snapshot=on");
  for (const name of ["root", "modules"]) expect(fileOf(argv, name)).toContain("readonly=on");
  expect(fileOf(argv, "store")).not.toContain("snapshot");
});
