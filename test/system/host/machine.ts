/**
 * The same Debian as a whole VM of its own, emulated, with a kernel of its own: control groups v2 of which nobody else has a part, `/dev/kvm`
 * (AMD's virtualization, emulated too), and a reboot that is one.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentBinary } from "../../../src/host/testing/gate.ts";
import { tinyArtifacts } from "../../../src/images/testing/tiny.ts";
import { kept, keyOf } from "../../hosts/kept.ts";
import { hostInitramfs } from "../../nested/host/initramfs.ts";
import { makeDisk } from "../../nested/host/make.ts";
import { dataBytes } from "../../nested/host/qemu.ts";
import { HostVm } from "../../nested/host/vm.ts";
import { basic, type CommandOptions, type Ended } from "./command.ts";

export class Machine {
  readonly #vm: HostVm;

  private constructor(vm: HostVm) {
    this.#vm = vm;
  }

  /**
   * Resolves when its units have started.
   * @param folder an empty one, or that of a machine that has ended and now goes on with its disk
   * @param layers trees that it starts from, the upper ones first; they stay as they are
   */
  static async boot(folder: string, layers: readonly string[]): Promise<Machine> {
    const agent = agentBinary();
    if (agent === null) throw new Error("banger-vsock-agent is not built");
    const [{ kernel, paths }, root] = await Promise.all([tinyArtifacts(), ensureRootDisk(layers)]);
    const { vmlinux, modules } = paths.kernel(kernel.digest);
    const [data, initramfs, store] = ["data.ext4", "initramfs", "no-store"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    if (!existsSync(data)) {
      makeDisk(data, dataBytes);
      writeFileSync(initramfs, await hostInitramfs(new Uint8Array(readFileSync(agent)), modules));
      writeFileSync(store, new Uint8Array(1 << 20));
    }
    const run = join(folder, "run");
    const vm = await HostVm.start(run, {
      files: { vmlinux, modules, root, initramfs, data, store },
      bytes: { root: statSync(root).size, modules: statSync(modules).size, data: dataBytes },
      memory: { path: join(folder, "memory"), isKept: false },
      hasInit: true,
    });
    await vm.settled();
    return new Machine(vm);
  }

  /** Runs a program as root. */
  run(argv: string[], { env = {}, timeoutMs = 300_000, ...options }: CommandOptions = {}): Promise<Ended> {
    return this.#vm.run(argv, { cwd: "/", env: { ...basic, ...env }, timeoutMs, ...options });
  }

  /** As power that fails, but for what was synced. */
  end(): Promise<void> {
    return this.#vm.close();
  }

  /** Resolves when it has shut down by itself, as after `poweroff`. */
  async ended(): Promise<void> {
    await this.#vm.ended();
    await this.end();
  }
}

/** Path of a squashfs with all of the layers. */
async function ensureRootDisk(layers: readonly string[]): Promise<string> {
  const folder = await kept(`system-disk-${keyOf(layers, [import.meta.path])}`, async (making) => {
    const merged = join(making, "merged");
    mkdirSync(merged);
    const disk = join(making, "root.sqfs");
    const script = `set -e
mount -t overlay overlay -o "ro,lowerdir=$1" "$2"
mksquashfs "$2" "$3" -comp lz4 -no-progress -quiet`;
    // the mount goes with its namespace
    const argv = ["unshare", "--mount", "--", "sh", "-c", script, "sh", layers.join(":"), merged, disk];
    const made = Bun.spawnSync(argv, { stdout: "ignore" });
    if (made.exitCode !== 0) throw new Error(`the disk of the test host could not be made: ${made.stderr}`);
  });
  return join(folder, "root.sqfs");
}
