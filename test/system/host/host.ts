/** A test host with the product in its owner's home; what it writes outlives a reboot, and goes with it. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testRoot } from "../../e2e/home.ts";
import type { CommandOptions, Ended } from "./command.ts";
import { Container } from "./container.ts";
import { Machine } from "./machine.ts";
import { buildFolder, ensureProduct, type ProductImage } from "./product.ts";
import { ensureRoot, type other, owner } from "./rootfs.ts";

/** flags of a VM: the image that each of its users can have, and a size that suits it */
export const small = ["--image", "tiny", "--memory", "256M", "--vcpu", "1"];

export type UserName = typeof owner.name | typeof other.name;

export type HostOptions = {
  /** default: `tiny` */
  image?: ProductImage;
  /** ufw, firewalld and docker are installed, and not started */
  hasFirewalls?: boolean;
  /** a VM of its own instead of a container: needed for control groups and KVM, and slow */
  isWhole?: boolean;
};

export class SystemHost {
  readonly #folder: string;
  #layers: string[] = [];
  readonly #isWhole: boolean;
  #running: Container | Machine | null = null;

  private constructor(folder: string, isWhole: boolean) {
    this.#folder = folder;
    this.#isWhole = isWhole;
  }

  static async make({ image = "tiny", isWhole = false, hasFirewalls = false }: HostOptions = {}): Promise<SystemHost> {
    mkdirSync(testRoot, { recursive: true, mode: 0o700 });
    const host = new SystemHost(mkdtempSync(join(testRoot, "system.")), isWhole);
    try {
      const [root, product] = await Promise.all([ensureRoot({ hasFirewalls }), ensureProduct(image)]);
      host.#layers = [product, root];
      await host.boot();
      return host;
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  get container(): Container {
    if (this.#running instanceof Container) return this.#running;
    throw new Error("the test host is off, or no container");
  }

  get #host(): Container | Machine {
    if (this.#running === null) throw new Error("the test host is off");
    return this.#running;
  }

  async boot(): Promise<void> {
    this.#running = await (this.#isWhole ? Machine : Container).boot(this.#folder, this.#layers);
  }

  async reboot(): Promise<void> {
    await this.#host.run(["systemctl", "--no-block", "poweroff"]);
    await this.#host.ended();
    await this.boot();
  }

  /** Runs a program as root. */
  run(argv: string[], options: CommandOptions = {}): Promise<Ended> {
    return this.#host.run(argv, options);
  }

  /** Runs a shell command as root; its stdout. @throws when its status is not 0 */
  async shell(line: string, options: CommandOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(["/bin/bash", "-c", line], options);
    if (code === 0) return stdout;
    throw new Error(`${line} ended with ${code} in the test host: ${stderr.slice(-2000)}${stdout.slice(-500)}`);
  }

  /** Runs a shell command as root, and resolves when the helper has said that it made something again because of it. */
  async whenMadeAgain(change: string): Promise<void> {
    const last = "journalctl -n 1 --output=cat --show-cursor -u bangerd-root | sed -n 's/^-- cursor: //p'";
    const next = 'timeout 60 journalctl --output=cat --no-tail --follow --after-cursor="$cursor" -u bangerd-root';
    await this.shell(`set -e; cursor=$(${last}); ${change}; grep -q -m 1 "made again" <(${next})`);
  }

  /** Runs a program as one of its users, in that user's home. */
  as(user: UserName, argv: string[], { env = {}, ...options }: CommandOptions = {}): Promise<Ended> {
    const home = `/home/${user}`;
    const become = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups", "--inh-caps=-all", "--"];
    const own = { HOME: home, USER: user, LOGNAME: user, SHELL: "/bin/bash", ...env };
    return this.run([...become, "env", `--chdir=${home}`, ...argv], { ...options, env: own });
  }

  /** Runs `banger` as its owner; the installed one once there is one. */
  banger(args: string[], options: CommandOptions = {}): Promise<Ended> {
    return this.as(owner.name, ["env", `PATH=/usr/local/bin:/usr/bin:/bin:${buildFolder}`, "banger", ...args], options);
  }

  /** As `banger`, but a status other than 0 is an error that shows what was said. */
  async ok(args: string[], options: CommandOptions = {}): Promise<Ended> {
    const ended = await this.banger(args, options);
    if (ended.code === 0) return ended;
    const log = await this.shell("journalctl --no-pager --output=cat -n 30 -u bangerd -u bangerd-root || true");
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

  /** What the owner types after `make build`; then the service has the owner's image. */
  async install(): Promise<void> {
    const { code, stderr } = await this.sudo([`${buildFolder}/banger`, "system", "install", "--owner", owner.name]);
    if (code !== 0) throw new Error(`the install ended with ${code}: ${stderr}`);
    await this.ok(["system", "adopt"]);
  }

  /** Runs a program as root, as the owner asks for it. */
  sudo(argv: string[], options: CommandOptions = {}): Promise<Ended> {
    return this.as(owner.name, ["sudo", "-n", "--", ...argv], options);
  }

  /** Nothing of it is left. */
  async close(): Promise<void> {
    await this.#running?.end();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
