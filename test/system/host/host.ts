/** A test host with the product in its owner's home; what it writes outlives a reboot, and goes with it. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testRoot } from "../../e2e/home.ts";
import type { CommandOptions, Ended } from "./command.ts";
import { Container } from "./container.ts";
import { ensureProduct } from "./product.ts";
import { ensureRoot, type other, type owner } from "./rootfs.ts";

export type UserName = typeof owner.name | typeof other.name;

export class SystemHost {
  readonly #folder: string;
  #layers: string[] = [];
  #container: Container | null = null;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(): Promise<SystemHost> {
    mkdirSync(testRoot, { recursive: true, mode: 0o700 });
    const host = new SystemHost(mkdtempSync(join(testRoot, "system.")));
    try {
      const [root, product] = await Promise.all([ensureRoot(), ensureProduct()]);
      host.#layers = [product, root];
      await host.boot();
      return host;
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  get container(): Container {
    if (this.#container === null) throw new Error("the test host is off");
    return this.#container;
  }

  async boot(): Promise<void> {
    this.#container = await Container.boot(this.#folder, this.#layers);
  }

  async reboot(): Promise<void> {
    await this.container.run(["systemctl", "--no-block", "poweroff"]);
    await this.container.ended();
    await this.boot();
  }

  /** Runs a program as root. */
  run(argv: string[], options: CommandOptions = {}): Promise<Ended> {
    return this.container.run(argv, options);
  }

  /** Runs a shell command as root; its stdout. @throws when its status is not 0 */
  async shell(line: string, options: CommandOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(["/bin/bash", "-c", line], options);
    if (code === 0) return stdout;
    throw new Error(`${line} ended with ${code} in the test host: ${stderr.slice(-2000)}${stdout.slice(-500)}`);
  }

  /** Runs a program as one of its users, in that user's home. */
  as(user: UserName, argv: string[], { env = {}, ...options }: CommandOptions = {}): Promise<Ended> {
    const home = `/home/${user}`;
    const become = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups", "--inh-caps=-all", "--"];
    const own = { HOME: home, USER: user, LOGNAME: user, SHELL: "/bin/bash", ...env };
    return this.run([...become, "env", `--chdir=${home}`, ...argv], { ...options, env: own });
  }

  /** Nothing of it is left. */
  async close(): Promise<void> {
    await this.#container?.end();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
