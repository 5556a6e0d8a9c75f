/** The compiled programs in a network of the suite's own, with the hostile registry in it. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { Subprocess } from "bun";
import { Home, programs } from "../e2e/home.ts";
import { type Namespace, otherHost, publicHost } from "./namespace.ts";
import type { Seen } from "./registry-program.ts";

export const password = "the user's password";

export type Ended = { code: number | null; stdout: string; stderr: string; seen: Seen[] };

export class Pulls {
  readonly home: Home;
  readonly #space: Namespace;
  readonly #server: Subprocess<"ignore", "pipe", "inherit">;
  readonly #seen: Seen[] = [];
  #ready = Promise.withResolvers<void>();

  private constructor(space: Namespace) {
    this.#space = space;
    this.home = new Home("regi");
    const { folder } = this.home;
    makeCertificate(folder);
    const program = [
      process.execPath,
      join(import.meta.dirname, "registry-program.ts"),
      `${folder}/cert`,
      `${folder}/key`,
    ];
    this.#server = Bun.spawn(space.inside(program), { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: Readable.fromWeb(this.#server.stdout as never) });
    lines.on("line", (line) => (line === "ready" ? this.#ready.resolve() : this.#seen.push(JSON.parse(line) as Seen)));
    lines.on("close", () => this.#ready.reject(new Error("the registry ended")));
  }

  static async from(space: Namespace): Promise<Pulls> {
    const pulls = new Pulls(space);
    await pulls.#ready.promise;
    return pulls;
  }

  /** `image pull` of the repository that tells this lie, with a password for its registry. */
  async pull(lie: string, timeoutMs = 20_000): Promise<Ended> {
    this.#seen.length = 0;
    const login = ["--username", "alice", "--password-stdin"];
    return this.banger(["image", "pull", `${publicHost}:5443/${lie}/x:latest`, ...login], timeoutMs);
  }

  /** Ended by SIGINT after `timeoutMs`; `code` is null when that does not end it either. */
  async banger(argv: string[], timeoutMs = 20_000): Promise<Ended> {
    const child = Bun.spawn(this.#space.inside([join(programs, "banger"), ...argv]), {
      env: { ...withoutProxies(this.home.env), SSL_CERT_FILE: `${this.home.folder}/cert` },
      stdio: [Buffer.from(password), "pipe", "pipe"],
    });
    const interrupt = setTimeout(() => child.kill("SIGINT"), timeoutMs);
    const kill = setTimeout(() => child.kill("SIGKILL"), timeoutMs + 10_000);
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    await child.exited;
    clearTimeout(interrupt);
    clearTimeout(kill);
    return { code: child.exitCode, stdout, stderr, seen: [...this.#seen] };
  }

  /** bytes of what downloads have left */
  leftBytes(): number {
    const blobs = join(this.home.folder, "c/banger/blobs");
    if (!existsSync(blobs)) return 0;
    return readdirSync(blobs).reduce((sum, name) => sum + statSync(join(blobs, name)).size, 0);
  }

  async end(): Promise<void> {
    this.#server.kill("SIGKILL");
    await this.home.close();
  }
}

function makeCertificate(folder: string): void {
  const argv = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -days 2 -subj /CN=x";
  const names = ["-addext", `subjectAltName=IP:${publicHost},IP:${otherHost}`];
  const done = Bun.spawnSync(["openssl", ...argv.split(" "), ...names], { cwd: folder, stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`openssl: ${done.stderr}`);
}

function withoutProxies(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/_proxy$/i.test(name)));
}
