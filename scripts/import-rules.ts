/**
 * Who may import whom, and where I/O may happen: one table, written into `biome.json` as allow-lists.
 * `bun scripts/import-rules.ts` writes biome.json; `--check` fails when it is stale. Edit the table, never biome.json.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Folder = {
  /** other folders of `src/` that it may import; a path such as `wire/agent` allows that part only */
  may: string[];
  /** npm packages that it may import, besides those of Node */
  packages?: string[];
  /** what to do instead, said when the rule fires */
  instead: string;
  /** how many levels of folders the row is about, when the folders below have rows of their own */
  depth?: number;
};

/** What policy may import from below: records and types, and what does no I/O. All effects are handed in. */
const withoutEffects = [
  "base",
  "model",
  "host/clock.ts",
  "host/log.ts",
  "wire/agent/get.ts",
  "wire/agent/listen.ts",
  "wire/agent/types.ts",
  "store/identities.ts",
  "store/journal.ts",
  "store/store.ts",
  "store/vms.ts",
  "artifacts/catalog/catalogs.ts",
  "artifacts/catalog/load.ts",
  "artifacts/strays.ts",
  "images/import.ts",
  "images/per-vm-files.ts",
  "images/record.ts",
  "images/rootfs/export.ts",
  "images/save.ts",
  "kernels/names.ts",
  "network/ports",
  "vmm/driver.ts",
];

/** A floor of machines/, with the floors below it. */
function floor(below: string[], instead: string): Folder {
  return { may: [...withoutEffects, ...below.map((name) => `machines/${name}`)], instead };
}

/** The table. Bottom up; `*.test.ts` and `testing/` files are free. */
export const folders: Record<string, Folder> = {
  base: { may: [], instead: "base/ is the bottom: it knows nothing of the rest" },
  model: { may: ["base"], instead: "model/ holds words and shapes: only base/ is below it" },
  host: {
    may: ["base", "model"],
    instead: "host/ wraps the operating system and knows nothing of VMs: move the policy to its caller",
  },
  wire: { may: ["base"], instead: "wire/ holds codecs over a given stream: let the caller open it and hand it in" },
  api: {
    may: ["base", "model"],
    packages: ["zod"],
    instead: "api/ is a contract: it holds no behaviour, only base/ and model/ are below it",
  },
  config: {
    may: ["base", "model", "host"],
    packages: ["smol-toml", "zod"],
    instead: "config/ only reads settings: hand the result to who needs it",
  },
  store: {
    may: ["base", "model", "host"],
    packages: ["zod"],
    instead: "store/ keeps records: policy belongs in machines/",
  },
  formats: {
    may: ["base"],
    instead: "formats/ holds pure codecs: bytes in, records out; what opens files is above it",
  },
  artifacts: {
    may: ["base", "model", "host", "store", "formats"],
    packages: ["smol-toml", "zod"],
    instead: "artifacts/ is what images and kernels share: put what is special into one of them",
  },
  images: {
    may: ["base", "model", "host", "store", "formats", "artifacts"],
    packages: ["zod"],
    instead: "images/ makes and checks images: machines/ combines it with the rest",
  },
  kernels: {
    may: ["base", "model", "host", "store", "formats", "artifacts"],
    packages: ["zod"],
    instead: "kernels/ makes and checks kernels: machines/ combines it with the rest",
  },
  vmm: {
    may: ["base", "model", "host", "wire"],
    instead: "a driver gets paths and sizes in its BootSpec: machines/ decides them",
  },
  network: {
    may: ["base", "model", "host", "wire", "store", "vmm/driver.ts"],
    instead: "network/ gives a VM its device: machines/ combines it with the rest",
  },
  "ssh/gateway": {
    may: ["base", "model", "wire", "ssh/public-line.ts"],
    packages: ["ssh2"],
    instead: "ssh/gateway answers ssh over a given stream: client/ opens streams to the guest",
  },
  ssh: {
    may: ["base", "model", "host", "wire"],
    depth: 1,
    instead: "ssh/ speaks ssh: machines/ and daemon/ combine it with the rest",
  },
  workspace: { may: ["base", "model", "host", "formats"], instead: "workspace/ plans what goes in: client/ sends it" },
  imagefile: {
    may: ["base", "model", "host", "config/sizing.ts", "formats/tar", "images/per-vm-files.ts", "workspace"],
    packages: ["smol-toml", "zod"],
    instead: "imagefile/ plans an image's build from what a user wrote: client/ carries it out",
  },
  "machines/guest": floor([], "guest/ is about one VM that runs: what makes, starts or ends VMs is above it"),
  "machines/images": floor(["guest"], "images/ knows no template and no start: let the floor above subscribe"),
  "machines/templates": floor(["guest", "images"], "templates/ says what a VM may start from: start/ starts it"),
  "machines/start": floor(
    ["guest", "images", "templates"],
    "start/ ends where the VM runs: what happens to it then is life/",
  ),
  "machines/life": floor(
    ["guest", "images", "templates", "start"],
    "life/ is the top floor: machines.ts has the door to it",
  ),
  machines: {
    ...floor(
      ["guest", "images", "templates", "start", "life"],
      "machines/ knows nothing of who asks: daemon/ turns requests into calls",
    ),
    depth: 1,
  },
  daemon: {
    may: [
      "base",
      "model",
      "host",
      "wire",
      "config",
      "store",
      "artifacts",
      "images",
      "kernels",
      "vmm",
      "network",
      "ssh",
      "workspace",
      "api",
      "machines",
    ],
    packages: ["zod"],
    instead: "the daemon knows nothing of the CLI: they meet in api/",
  },
  helper: {
    may: ["base", "model/bridge.ts", "model/install.ts", "model/paths.ts", "host", "wire/helper"],
    instead: "the root helper is small on purpose, and uses no package: what needs no root belongs in network/",
  },
  system: {
    may: ["base", "model", "host", "config", "api", "client"],
    packages: ["zod"],
    instead: "system/ installs and removes the two services; what they do is in daemon/ and helper/",
  },
  client: {
    // besides the API: the plans that it carries out (a workspace, an image's build), the kernel that a first run fetches, and the tar
    // streams of `vm cp`
    may: [
      "base",
      "model",
      "host",
      "api",
      "formats/tar",
      "wire/agent",
      "workspace/types.ts",
      "imagefile/accounts.ts",
      "imagefile/packages.ts",
      "imagefile/plan.ts",
      "kernels/names.ts",
      "ssh/gateway/guest.ts",
    ],
    instead: "the client reaches the daemon over the API only, and what else it needs is in client/dependencies.ts",
  },
  doctor: {
    may: ["base", "model", "host", "config", "artifacts", "api", "client"],
    instead: "what the daemon knows, doctor asks over the API",
  },
  cli: {
    may: [
      "base",
      "model",
      "host/terminal/cells.ts",
      "api",
      "client",
      "config",
      "workspace",
      "imagefile",
      "images/recipes.ts",
      "ssh/gateway/guest.ts",
      "doctor",
      "system",
    ],
    packages: ["@stricli/core"],
    instead: "the CLI talks to the daemon over the API (client/) and gets the host's things through its context",
  },
};

/** Node modules without side effects outside the process; all others belong to host/. */
const pureModules = [
  "assert",
  "assert/strict",
  "buffer",
  "crypto",
  "events",
  "path",
  "path/posix",
  "stream",
  "string_decoder",
  "util",
  "zlib",
];
/** folders below `src/<folder>` that a file may be in, plus one */
const maxDepth = 3;
const freeFiles = ["!**/*.test.ts", "!**/*.contract.ts", "!**/testing/**"];

const builtinsReason = "only host/ touches the operating system: take what you need as an argument, or add it to host/";

/** The whole configuration as an object; its JSON text is biome.json. */
export function biomeConfig() {
  return {
    $schema: "./node_modules/@biomejs/biome/configuration_schema.json",
    files: {
      includes: [
        "**",
        "!node_modules",
        "!build",
        "!agent/target",
        "!package-lock.json",
        "!bench/results",
        "!**/*.md",
        "!**/fixtures",
        "!biome.json",
      ],
    },
    vcs: { enabled: false },
    formatter: { indentStyle: "space", indentWidth: 2, lineWidth: 120 },
    javascript: { formatter: { quoteStyle: "double" } },
    json: { formatter: { enabled: false } },
    linter: { rules: { preset: "recommended", ...commonRules() } },
    overrides: [
      ...Object.entries(folders).flatMap(([name, folder]) => folderOverrides(name, folder)),
      ...placeOverrides(),
    ],
  };
}

function commonRules() {
  return {
    nursery: { noProcessExit: "error" },
    correctness: { noVoidTypeReturn: "off" },
    suspicious: { noImportCycles: "error", noConsole: "error" },
    complexity: {
      useLiteralKeys: "off",
      noExcessiveLinesPerFunction: { level: "error", options: { maxLines: 80, skipBlankLines: true } },
    },
    style: {
      noDefaultExport: "error",
      noExcessiveLinesPerFile: { level: "error", options: { maxLines: 400 } },
      noEnum: "error",
      noNamespace: "error",
      noParameterProperties: "error",
      useImportType: "error",
      useNodejsImportProtocol: "error",
    },
  };
}

/** One override per depth below the folder, so that `../` means the same in each. */
function folderOverrides(name: string, folder: Folder) {
  return Array.from({ length: folder.depth ?? maxDepth }, (_, level) => {
    const place = `src/${name}/${"*/".repeat(level)}*.ts`;
    const patterns = patternsFor(name, folder, level);
    return {
      includes: [place, ...freeFiles],
      linter: { rules: { style: { noRestrictedImports: restricted(patterns) } } },
    };
  });
}

function patternsFor(name: string, folder: Folder, level: number) {
  const parent = name.split("/").slice(0, -1);
  const out = "../".repeat(level + 1);
  const up = out + "../".repeat(parent.length);
  const message = `${folder.instead} (scripts/import-rules.ts has the table)`;
  const allowed = (targets: string[], from: string) =>
    targets.map((target) => (target.endsWith(".ts") ? `!${from}${target}` : `!${from}${target}/**`));
  const patterns = [{ group: [`${up}**`, ...allowed(folder.may, up)], message }];
  if (parent.length > 0) {
    const prefix = `${parent.join("/")}/`;
    const beside = folder.may
      .filter((target) => target.startsWith(prefix))
      .map((target) => target.slice(prefix.length));
    patterns.push({ group: [`${out}**`, `!${up}**`, ...allowed(beside, out)], message });
  }
  const packages = (folder.packages ?? []).flatMap((id) => [`!${id}`, `!${id}/**`]);
  patterns.push({
    group: ["*", "*/**", "!.", "!..", "!./**", "!../**", "!node:*", "!node:*/**", "!bun:*", ...packages],
    message: `${name}/ may import ${folder.packages?.join(", ") ?? "no npm package"}: a new package needs a row in scripts/import-rules.ts`,
  });
  if (name !== "host") {
    patterns.push({
      group: ["node:*", "node:*/**", ...pureModules.map((id) => `!node:${id}`)],
      message: builtinsReason,
    });
    patterns.push({ group: ["bun", "bun:*"], message: builtinsReason });
  }
  return patterns;
}

function restricted(patterns: { group: string[]; message: string }[]) {
  return { level: "error", options: { patterns } };
}

/** Rules about globals, by place. */
function placeOverrides() {
  const deniedGlobals = { Bun: builtinsReason, process: builtinsReason, fetch: builtinsReason };
  const outside = ["src/**/*.ts", "!src/host/**", "!src/bin/**", ...freeFiles];
  return [
    {
      includes: outside,
      linter: { rules: { style: { noRestrictedGlobals: { level: "error", options: { deniedGlobals } } } } },
    },
    {
      includes: ["src/bin/**", "src/cli/ui/**", "scripts/**", "bench/**", "test/**", "**/testing/*-program.ts"],
      linter: { rules: { suspicious: { noConsole: "off" }, nursery: { noProcessExit: "off" } } },
    },
    {
      includes: ["**/*.test.ts", "**/*.contract.ts"],
      linter: { rules: { style: { noNonNullAssertion: "off" }, complexity: { noExcessiveLinesPerFunction: "off" } } },
    },
  ];
}

/** biome.json: one line per key and per override, so that a change of one rule is a change of one line. */
export function biomeText(): string {
  const { overrides, ...top } = biomeConfig();
  const lines = Object.entries(top).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},`);
  const rows = overrides.map((row) => `    ${JSON.stringify(row)}`);
  return `{\n${lines.join("\n")}\n  "overrides": [\n${rows.join(",\n")}\n  ]\n}\n`;
}

if (import.meta.main) {
  const file = join(import.meta.dirname, "..", "biome.json");
  const wanted = biomeText();
  if (!process.argv.includes("--check")) writeFileSync(file, wanted);
  else if (readFileSync(file, "utf8") !== wanted) {
    console.error(
      "biome.json is not what scripts/import-rules.ts makes of its table; run `node_modules/.bin/bun scripts/import-rules.ts`",
    );
    process.exitCode = 1;
  }
}
