/** A test host with the product in it: it can be turned off and started again with the same disk. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testRoot } from "../../e2e/home.ts";
import type { CommandOptions, Ended } from "./command.ts";
import { ensureHost, prepare, startOf, stranger, tester } from "./make.ts";
import { copyStore, homeEnv, type StoreContent, sourcePoint, storePoint, testCache } from "./store.ts";
import { HostVm } from "./vm.ts";

export type AsUser = Omit<CommandOptions, "user">;

export class TestHost {
  readonly #folder: string;
  #count = 0;
  #vm: HostVm | null = null;
  /** by name: their paths on the outer host */
  readonly #programs = new Map<string, string>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(content: StoreContent = "product"): Promise<TestHost> {
    mkdirSync(testRoot, { recursive: true, mode: 0o700 });
    const host = new TestHost(mkdtempSync(join(testRoot, "host.")));
    try {
      await copyStore(host.#store, content);
      await host.start();
      return host;
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  get #store(): string {
    return join(this.#folder, "store.ext4");
  }

  get vm(): HostVm {
    if (this.#vm === null) throw new Error("the test host is off");
    return this.#vm;
  }

  /** The saved host goes on, as a machine with another boot id. */
  async start(): Promise<void> {
    this.#vm = await HostVm.start(this.#nextRun(), startOf(await ensureHost(), this.#store));
    await this.#settle();
  }

  /** The host boots anew. @param cpu taken from `-cpu max`; default: the same CPU as the saved host's */
  async boot(cpu?: string): Promise<void> {
    const { state: _, ...booting } = startOf(await ensureHost(), this.#store);
    this.#vm = await HostVm.start(this.#nextRun(), { ...booting, ...(cpu === undefined ? {} : { cpu }) });
    await this.vm.shell(prepare);
    await this.#settle();
  }

  /** The root of a host that starts is as it was made: programs that were put into it are not there. */
  async #settle(): Promise<void> {
    await this.vm.shell(mount);
    for (const [name, path] of this.#programs) await this.#put(name, path);
  }

  #nextRun(): string {
    return join(this.#folder, `run${this.#count++}`);
  }

  /** What was written before is on its disk. */
  async powerOff(): Promise<void> {
    await this.vm.shell("sync");
    await this.vm.close();
    this.#vm = null;
  }

  /** Runs `banger` as the ordinary user. */
  banger(args: string[], options: AsUser = {}): Promise<Ended> {
    return this.run(["banger", ...args], options);
  }

  /** As `banger`, but a status other than 0 is an error that shows what was said. */
  async ok(args: string[], options: AsUser = {}): Promise<Ended> {
    const ended = await this.banger(args, options);
    if (ended.code === 0) return ended;
    const log = await this.vm.shell(`tail -n 20 ${storePoint}/home/s/banger/bangerd.log || true`);
    throw new Error(`banger ${args.join(" ")} ended with ${ended.code ?? ended.signal}: ${ended.stderr}\n${log}`);
  }

  /** The value that a command prints under `--json`. */
  async json<T>(args: string[]): Promise<T> {
    return JSON.parse((await this.ok([...args, "--json"])).stdout) as T;
  }

  /** A shell command in a VM of the product: its stdout, without the end of the last line. */
  async inGuest(name: string, script: string): Promise<string> {
    return (await this.ok(["vm", "exec", name, "--", "sh", "-c", script])).stdout.trimEnd();
  }

  /** Runs a program as the ordinary user, with the product in its path. */
  run(argv: string[], { env = {}, ...options }: AsUser = {}): Promise<Ended> {
    return this.vm.run(argv, { cwd: "/", ...options, user: tester.name, env: { ...homeEnv(), ...env } });
  }

  /** Runs `banger` as the same user with the rights of a session that is not in the group kvm. */
  bangerWithoutKvm(args: string[], { env = {}, ...options }: AsUser = {}): Promise<Ended> {
    const drop = ["setpriv", `--reuid=${tester.uid}`, `--regid=${tester.uid}`, "--clear-groups", "--"];
    return this.vm.run([...drop, "banger", ...args], { cwd: "/", ...options, env: { ...homeEnv(), ...env } });
  }

  /** Runs `banger` as a user who may not use KVM, and has no images. */
  bangerOfStranger(args: string[], { env = {}, ...options }: AsUser = {}): Promise<Ended> {
    const all = { ...homeEnv(`/home/${stranger}`), ...env };
    return this.vm.run(["banger", ...args], { cwd: "/", ...options, user: stranger, env: all });
  }

  /** Puts a program of the outer host into the path of this one, where it stays when the host starts again. */
  async install(name: string, path: string): Promise<void> {
    this.#programs.set(name, path);
    await this.#put(name, path);
  }

  async #put(name: string, path: string): Promise<void> {
    const target = `/usr/local/bin/${name}`;
    await this.vm.shell(`cat > ${target}; chmod 755 ${target}`, { input: new Uint8Array(readFileSync(path)) });
  }

  /** Unix time of the host's clock in seconds. */
  async clock(): Promise<number> {
    return Number(await this.vm.shell("date +%s.%N"));
  }

  async close(): Promise<void> {
    await this.#vm?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const mount = `set -e
mount -o noatime /dev/vdd ${storePoint}
# in one piece it is read sooner than page by page
cat ${storePoint}/bin/* > /dev/null
[ "$(stat -c %U ${storePoint}/home)" = ${tester.name} ] && exit
echo 'warm_vms = false' > ${storePoint}/home/k/banger/config.toml
chown -R root: ${storePoint}/bin
chown -R ${tester.name}: ${storePoint}/home
[ ! -e ${sourcePoint} ] || chown -R ${tester.name}: ${sourcePoint} ${testCache}`;
