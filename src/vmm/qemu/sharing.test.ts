/** With required confinement, a QEMU that opens memory for writing can't restore from memory that other VMs map. */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { VmId } from "../../base/names.ts";
import { fakeExec } from "../../host/testing/exec.ts";
import { savePaths } from "../../model/paths.ts";
import type { Confinement } from "../confinement.ts";
import type { BootSpec, Save } from "../driver.ts";
import { digestOf } from "../save-files.ts";
import { shapeOf } from "../shape.ts";
import { makeTempFolder } from "../testing/temp.ts";
import { createQemuDriver } from "./driver.ts";

const folders = makeTempFolder("sharing");
afterAll(() => folders.remove());
let count = 0;

/** Ends at once, so that a VM that is allowed does not start. */
const agent = "/bin/false";
const program = "/usr/bin/qemu-system-x86_64";
const wholeCage = '{"landlock":7,"seccomp":true,"namespaces":null,"network":null,"processes":null,"signals":null}';

function driverOf(version: string, confinement: Confinement, folder: string) {
  const exec = fakeExec({
    [`${program} --version`]: { stdout: `QEMU emulator version ${version}` },
    [`${agent} confine --check`]: { stdout: wholeCage },
    [`${agent} tsc`]: { exitCode: 1 },
  });
  const which = async () => program;
  const realPath = async (path: string) => path;
  const kvm = async () => ({ usable: false as const, why: "a test", fix: "" });
  const tscFile = `${folder}/tsc`;
  return createQemuDriver({
    exec,
    which,
    realPath,
    agent,
    env: {},
    kvm,
    tscFile,
    confinement: async () => confinement,
  });
}

/** Restores a VM whose memory is in its own folder, or in one that others share. */
async function restored(version: string, confinement: Confinement, from: "shared" | "own"): Promise<unknown> {
  const directory = await folders.make(String(count++));
  const folder = from === "own" ? directory : await folders.make(String(count++));
  const spec: BootSpec = {
    id: "abcd1234" as VmId,
    directory,
    vcpu: 1,
    memoryMib: 128,
    vmlinux: "/c/vmlinux",
    initramfs: "/c/initramfs",
    kernelArgs: [],
    blockDevices: [],
    net: null,
  };
  const files = savePaths(folder);
  const state = Buffer.from("state");
  writeFileSync(files.memory, "memory");
  writeFileSync(files.state, state);
  const sizes = { memoryBytes: 6, stateBytes: state.length, stateDigest: digestOf(state) };
  const save: Save = { files, record: { driver: "qemu", version, accel: "tcg", shape: shapeOf(spec), ...sizes } };
  const driver = driverOf(version, confinement, folder);
  return driver.restore(save, spec, AbortSignal.timeout(5000)).then(
    () => "started",
    (error: { code?: string; message: string }) => `${error.code} ${error.message}`,
  );
}

test("required: memory that others map is refused, and the reason names QEMU's version", async () => {
  expect(await restored("7.2.22", "required", "shared")).toMatch(
    /^CONFINEMENT_INCOMPLETE .*no memory isolation \(QEMU before 8\.2 opens the memory/,
  );
});

test.each<[string, string, Confinement, "shared" | "own"]>([
  ["memory of the VM's own folder", "7.2.22", "required", "own"],
  ["a QEMU that only reads it", "8.2.0", "required", "shared"],
  ["confinement as far as there is", "7.2.22", "auto", "shared"],
])("%s is not a reason to refuse", async (_, version, confinement, from) => {
  expect(await restored(version, confinement, from)).toMatch(/^VMM_START_FAILED /);
});
