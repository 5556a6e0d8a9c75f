/**
 * A Debian with systemd as its first process, in namespaces of its own (systemd-nspawn): it shares the kernel and the files of its root,
 * which it sees as its own copy. Nobody else on this host learns of it: it is not registered, and it has a network of its own.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { withTimeout } from "../../../src/base/async.ts";
import { makeCgroup, removeCgroup } from "./cgroup.ts";
import { type CommandOptions, type Ended, runProgram } from "./command.ts";
import { upMark } from "./rootfs.ts";

/** 1.5 s where nothing else runs */
const bootMs = 60_000;

/**
 * What units here need beyond nspawn's own list: Landlock for VMMs, and BPF for the devices of a unit.
 * @see systemd-nspawn(1), `--system-call-filter=`
 */
const allowed = ["bpf", "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"].join(" ");

/** Arguments: the run's folder, the layers that it starts from, its cgroups. */
const starting = `set -e
run=$1 lower=$2
shift 2
for cgroup; do echo 0 >"$cgroup/cgroup.procs"; done
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$run/upper,workdir=$run/work" "$run/root"
[ -e "$run/tun" ] || { mknod "$run/tun" c 10 200; chmod 666 "$run/tun"; }
systemd-nspawn --boot --quiet --register=no --keep-unit --private-network --bind="$run/tun:/dev/net/tun" \
  --system-call-filter="${allowed}" --console=read-only --hostname=testhost --machine=banger-test --directory="$run/root"`;

/** nspawn alone would leave its container running when it gets SIGKILL: a process namespace around both, which ends with us, ends both. */
const around = [
  "setpriv",
  "--pdeathsig",
  "KILL",
  "--",
  "unshare",
  "--mount",
  "--pid",
  "--mount-proc",
  "--fork",
  "--kill-child",
  "--",
];

export class Container {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #cgroups: string[];

  private constructor(folder: string, lower: string) {
    for (const name of ["upper", "work", "root"]) mkdirSync(join(folder, name), { recursive: true, mode: 0o755 });
    this.#cgroups = makeCgroup(`banger-test-${folder.split(/[./]/).at(-1)}`);
    this.#process = Bun.spawn([...around, "sh", "-c", starting, "sh", folder, lower, ...this.#cgroups], {
      // cgroup v2 alone, as Debian has it, where this host has v1 beside it; and then devices are refused by a BPF program
      env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /**
   * Resolves when its services are up.
   * @param folder an empty one, or that of a container that has ended and now goes on with its files
   * @param layers trees that it starts from, the upper ones first; they stay as they are
   */
  static async boot(folder: string, layers: readonly string[]): Promise<Container> {
    const container = new Container(folder, layers.join(":"));
    try {
      await withTimeout(container.#isUp(), bootMs, () => new Error("the test host did not come up"));
      return container;
    } catch (error) {
      await container.end();
      throw error;
    }
  }

  async #isUp(): Promise<void> {
    const said = await readUntil(this.#process.stdout, upMark);
    if (!said.includes(upMark))
      throw new Error(`the test host ended: ${said.slice(-2000)}${await new Response(this.#process.stderr).text()}`);
  }

  /** The container's first process, as this host counts: child of nspawn, that of the shell, and that of unshare. */
  get leader(): number | undefined {
    return childOf(childOf(this.#shell));
  }

  get #shell(): number | undefined {
    return childOf(this.#process.pid);
  }

  /** Runs a program as root. */
  run(argv: string[], options: CommandOptions = {}): Promise<Ended> {
    const namespaces = ["mount", "uts", "ipc", "net", "pid", "cgroup"].map((name) => `--${name}`);
    return runProgram(["nsenter", `--target=${this.leader}`, ...namespaces, "--", ...argv], options);
  }

  /** As power that fails: nothing of it runs any more. Its files stay. */
  async end(): Promise<void> {
    // the first one of its process namespace, with which every other one ends; unshare waits for that
    const shell = this.#shell;
    if (shell !== undefined) process.kill(shell, "SIGKILL");
    else this.#process.kill("SIGKILL");
    await this.#process.exited;
    for (const folder of this.#cgroups.splice(0)) removeCgroup(folder);
  }

  /** Resolves when it has shut down by itself, as after `poweroff`. */
  async ended(): Promise<void> {
    await this.#process.exited;
    await this.end();
  }
}

function childOf(parent: number | undefined): number | undefined {
  const children = `/proc/${parent}/task/${parent}/children`;
  const [first = ""] = existsSync(children) ? readFileSync(children, "utf8").split(" ") : [];
  return first === "" ? undefined : Number(first);
}

/** What a stream has up to some text, or to its end. Its rest is read and dropped. */
function readUntil(stream: ReadableStream<Uint8Array>, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const read = async () => {
    const decoder = new TextDecoder();
    let said = "";
    for await (const chunk of stream) {
      said = (said + decoder.decode(chunk, { stream: true })).slice(-10_000);
      if (said.includes(text)) resolve(said);
    }
    resolve(said);
  };
  void read();
  return promise;
}
