/**
 * The ordinary user that rootless tests run as when `make test` is root: made here, with subordinate ids and a home of its
 * own, and with a copy of what the tests need. Nothing of root's environment reaches it but the listed variables.
 */
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Place } from "./test-runners.ts";

const user = "banger-test";
const home = "/home/banger-test";
/** copied into the user's home; of node_modules only what tests load */
const parts = [
  "src",
  "test",
  "scripts",
  "bench",
  "protocol",
  "docs",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "biome.json",
  "README.md",
  "build/bin",
];
const ssh2 = ["ssh2", "asn1", "bcrypt-pbkdf", "tweetnacl", "safer-buffer"];
const modules = [
  "bun",
  "@oven",
  "@stricli",
  "smol-toml",
  "zod",
  "fast-check",
  "pure-rand",
  ...ssh2,
  "@biomejs",
  ".bin",
];
/** TLS certificates, proxies and registries: without them no package can be fetched in some places */
const carried =
  /^(https?_proxy|no_proxy|all_proxy|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|NIX_SSL_CERT_FILE|\w*CA_(BUNDLE|CERTS\w*)|GIT_SSL_CAINFO|npm_config_registry|npm_config_cafile|PIP_\w+|BANGER_\w+|CI|TERM)$/i;

let made: Promise<Place> | null = null;

/** Makes the user and its copy once; later calls get the same place. */
export function asTestUser(root: string): Promise<Place> {
  made ??= make(root);
  return made;
}

async function make(root: string): Promise<Place> {
  ensureUser();
  const folder = `${home}/banger`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(`${folder}/node_modules`, { recursive: true });
  mkdirSync(`${folder}/build/test-results`, { recursive: true });
  for (const part of parts) copy(join(root, part), join(folder, part));
  for (const name of modules) copy(join(root, "node_modules", name), join(folder, "node_modules", name));
  run(["chown", "-R", `${user}:`, folder]);
  return {
    folder,
    prefix: ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups", "--inh-caps=-all", "--"],
    env: environment(),
  };
}

/** Ends every process of the test user that outlived the tests; their names. Nobody else runs anything as that user. */
export function endLeftovers(): string[] {
  const lines = Bun.spawnSync(["ps", "-u", user, "-o", "pid=,stat=,args="])
    .stdout.toString()
    .split("\n")
    .filter(Boolean);
  // a process that ended and that nobody has waited for runs no more
  const found = lines.filter((line) => !/^\s*\d+ Z/.test(line));
  for (const line of found) run(["kill", "-KILL", line.trim().split(/\s+/)[0] ?? ""], true);
  return found.map((line) => line.trim().slice(0, 200));
}

function copy(from: string, to: string): void {
  if (existsSync(from)) cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

function ensureUser(): void {
  if (!run(["id", "-u", user], true)) {
    console.log(`making the user ${user}: rootless tests run as an ordinary user`);
    run(["useradd", "--create-home", "--home-dir", home, "--shell", "/bin/bash", user]);
  }
  for (const file of ["/etc/subuid", "/etc/subgid"]) ensureRange(file);
  if (existsSync("/dev/kvm")) run(["usermod", "-aG", "kvm", user], true);
}

function ensureRange(file: string): void {
  const rows = existsSync(file)
    ? readFileSync(file, "utf8")
        .split("\n")
        .map((line) => line.split(":"))
    : [];
  if (rows.some(([name, , count]) => name === user && Number(count) >= 65536)) return;
  const first = Math.max(
    100_000,
    ...rows.map(([, start, count]) => Number(start ?? 0) + Number(count ?? 0)).filter(Number.isFinite),
  );
  appendFileSync(file, `${user}:${first}:65536\n`);
}

function environment(): Record<string, string> {
  const env: Record<string, string> = {
    HOME: home,
    USER: user,
    LOGNAME: user,
    SHELL: "/bin/bash",
    LANG: "C.UTF-8",
    PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
  };
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && carried.test(name)) env[name] = value;
  const registry = Bun.spawnSync(["npm", "config", "get", "registry"], { stderr: "ignore" }).stdout.toString().trim();
  if (registry.startsWith("http")) env["npm_config_registry"] = registry;
  // What needs root is skipped there, whatever is required: those tests have a group of their own.
  if (env["BANGER_REQUIRE"])
    env["BANGER_REQUIRE"] = env["BANGER_REQUIRE"]
      .split(",")
      .filter((need) => need !== "root")
      .join(",");
  return env;
}

/** True when it ended with 0; otherwise false where `mayFail`, else an error. */
function run(argv: string[], mayFail = false): boolean {
  const done = Bun.spawnSync(argv, { stdio: ["ignore", "ignore", mayFail ? "ignore" : "inherit"] });
  if (done.exitCode === 0) return true;
  if (mayFail) return false;
  throw new Error(`${argv.join(" ")} ended with status ${done.exitCode}`);
}
