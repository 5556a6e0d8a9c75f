import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { BangerError } from "../base/errors/error.ts";
import { runs } from "../base/testing/budget.ts";
import { defaultBridge } from "../model/bridge.ts";
import { defaultConfig, parseConfig } from "./parse.ts";
import { keysAt } from "./schema.ts";

function problems(text: string): readonly string[] {
  try {
    parseConfig("/c", text);
  } catch (error) {
    if (error instanceof BangerError) return error.details["problems"] as string[];
    throw error;
  }
  return [];
}

test("values and their sources", () => {
  const config = parseConfig(
    "/c",
    'inherit_proxy = false\n[vm_defaults]\nvcpu = 3\nmemory_mib = 2048\ndisk_size = "16G"\n',
  );
  expect(config.vmDefaults).toEqual({ vcpu: 3, memoryMib: 2048, diskBytes: 16 * 1024 ** 3 });
  expect(config.inheritProxy).toBe(false);
  expect(config.provenance).toEqual({
    confinement: "default",
    inherit_proxy: "file",
    image_max_size: "default",
    catalog_urls: "default",
    file_sync: "default",
    registry_mirrors: "default",
    insecure_registries: "default",
    idle_timeout: "default",
    "network.kind": "default",
    "network.deny": "default",
    "network.isolate": "default",
    "network.bridge": "default",
    dns_port: "default",
    vmm: "default",
    firecracker_bin: "default",
    ssh_key_path: "default",
    network_fallback: "default",
    template_max_size: "default",
    warm_vms: "default",
    "vm_defaults.vcpu": "file",
    "vm_defaults.memory_mib": "file",
    "vm_defaults.disk_size": "file",
  });
});

test("a key that was renamed is read under its old name, and refused beside the new one", () => {
  expect(parseConfig("/c", "").warmVms).toBe(true);
  expect(parseConfig("/c", "warm_vms = false\n").warmVms).toBe(false);
  const old = parseConfig("/c", "spare_vm = false\n");
  expect([old.warmVms, old.provenance["warm_vms"]]).toEqual([false, "file"]);
  expect(problems("spare_vm = 1\n")).toEqual(["warm_vms: must be true or false"]);
  expect(problems("spare_vm = false\nwarm_vms = true\n")).toHaveLength(1);
});

test("confinement is auto unless it is required", () => {
  expect(parseConfig("/c", "").confinement).toBe("auto");
  expect(parseConfig("/c", 'confinement = "required"\n').confinement).toBe("required");
  expect(problems('confinement = "on"\n')).toEqual(['confinement: must be "auto" or "required"']);
});

test("the port at which names of VMs are answered", () => {
  const port = (text: string) => parseConfig("/c", text).dnsPort;
  expect([port(""), port("dns_port = 5353"), port("dns_port = 0"), port("dns_port = 65535")]).toEqual([
    42_069, 5353, 0, 65_535,
  ]);
  expect(parseConfig("/c", "dns_port = 5353").provenance["dns_port"]).toBe("file");
  for (const value of ["-1", "65536", "53.5", '"53"', "true"])
    expect(problems(`dns_port = ${value}\n`)).toEqual([
      "dns_port: must be a port from 1 to 65535, or 0 for no DNS server, as in `dns_port = 42069`",
    ]);
});

test("which VMM new VMs get, and where Firecracker is", () => {
  expect(parseConfig("/c", "")).toMatchObject({ vmm: "auto", firecrackerBin: null });
  const named = parseConfig("/c", 'vmm = "qemu"\nfirecracker_bin = "~/bin/fc"\n');
  expect(named).toMatchObject({ vmm: "qemu", firecrackerBin: "~/bin/fc" });
  expect(named.provenance).toMatchObject({ vmm: "file", firecracker_bin: "file" });
  expect(parseConfig("/c", 'firecracker_bin = "/opt/fc"\n').firecrackerBin).toBe("/opt/fc");
  expect(problems('vmm = "firecraker"\n')).toEqual([
    'vmm: must be "auto", "firecracker", "qemu", as in `vmm = "auto"`; did you mean "firecracker"?',
  ]);
  for (const path of ["firecracker", "./fc", "~fc", "~", "/", "/opt/", "/a\\u0000b"])
    expect(problems(`firecracker_bin = "${path}"\n`)).toHaveLength(1);
});

test("the user's own ssh key is named by an absolute path", () => {
  expect(parseConfig("/c", "").sshKeyPath).toBeNull();
  for (const path of ["~/.ssh/id_ed25519", "/home/a b/id.pub"])
    expect(parseConfig("/c", `ssh_key_path = "${path}"\n`).sshKeyPath).toBe(path);
  for (const path of ["id", "./id", "../id", ".ssh/id", "~id", "~", "", "/", "~/.ssh/", "/a\\nb", '/a\\"b', "/a$b"])
    expect(problems(`ssh_key_path = "${path}"\n`)).toEqual([
      expect.stringContaining("ssh_key_path: must be an absolute path, or one that begins with ~/"),
    ]);
});

test("registries, and how large an image may be", () => {
  const text =
    'image_max_size = "2G"\ninsecure_registries = ["r.lan:5000"]\n[registry_mirrors]\n"docker.io" = ["https://m.lan"]\n';
  const config = parseConfig("/c", text);
  expect(config.imageMaxBytes).toBe(2 * 1024 ** 3);
  expect(config.insecureRegistries).toEqual(["r.lan:5000"]);
  expect(config.registryMirrors).toEqual({ "docker.io": ["https://m.lan"] });
  expect(problems('image_max_size = "2K"\ninsecure_registries = ["a b"]\n[registry_mirrors]\nx = "y"\n')).toHaveLength(
    3,
  );
});

test("catalogs, and the keys that must have signed them", () => {
  const text =
    '[[catalog_urls]]\nurl = "https://example.com/c.toml"\nkey = "/etc/c.pub"\n[[catalog_urls]]\nurl = "file:///srv/c.toml"\nkey = "keys/c.pub"\n';
  const config = parseConfig("/home/me/.config/banger/config.toml", text);
  expect(config.catalogs).toEqual([
    { url: "https://example.com/c.toml", key: "/etc/c.pub" },
    { url: "file:///srv/c.toml", key: "/home/me/.config/banger/keys/c.pub" },
  ]);
  expect(config.provenance["catalog_urls"]).toBe("file");
  const wrong =
    'catalog_urls = [{ url = "http://example.com/c", key = "https://example.com/c.pub" }, { urll = "https://x/c", key = 7 }, "https://x/c"]';
  expect(problems(wrong)).toEqual([
    "catalog_urls.0.url: is plain http: use https",
    "catalog_urls.0.key: must be the path of a public key, absolute or seen from this file's folder",
    "catalog_urls.1.url: must be the URL of a catalog",
    "catalog_urls.1.key: must be the path of a public key, absolute or seen from this file's folder",
    'catalog_urls.1.urll: unknown key; did you mean "url"?',
    expect.stringContaining("catalog_urls.2: must be a list of tables"),
  ]);
  expect(problems('catalog_urls = ["x"]')).toHaveLength(1);
});

test("the network: a string is its kind, and denied networks are normalised", () => {
  expect(defaultConfig("/c").network).toEqual({ kind: null, deny: [], isolate: true, bridge: defaultBridge });
  expect(defaultConfig("/c").networkFallback).toBe(false);
  expect(parseConfig("/c", 'network = "none"').network).toMatchObject({ kind: "none", deny: [] });
  const config = parseConfig(
    "/c",
    'network_fallback = true\n[network]\ndeny = ["10.0.0.0/8", "9.9.9.9", "lan", "lan"]',
  );
  expect(config.network).toMatchObject({ kind: null, deny: ["10.0.0.0/8", "9.9.9.9/32", "lan"] });
  expect(config.networkFallback).toBe(true);
  expect(config.provenance).toMatchObject({ "network.kind": "default", "network.deny": "file" });
});

test("all problems of a network are reported at once", () => {
  const text = '[network]\nknid = "user"\nkind = "usr"\ndeny = ["10.0.0.1/8", "lam", "::/0", 7]\n';
  expect([...problems(text)].sort()).toEqual([
    'network.deny.0: "10.0.0.1/8" has bits after its prefix: it should be 10.0.0.0/8',
    'network.deny.1: "lam" is not an IPv4 network such as "10.0.0.0/8", an address, or "lan"; did you mean "lan"?',
    'network.deny.2: "::/0" is IPv6, which guests don\'t have',
    'network.deny.3: must be a list of up to 64 networks, as in `deny = ["10.0.0.0/8", "lan"]`',
    'network.kind: must be "user" or "bridge" or "none", as in `kind = "user"`; did you mean "user"?',
    'network.knid: unknown key; did you mean "kind"?',
  ]);
  expect(problems('network = "nat"')).toEqual([
    'network.kind: must be "user" or "bridge" or "none", as in `kind = "user"`',
  ]);
  expect(problems("network = 7")).toEqual(["network: must be a table: `[network]`"]);
});

test("the bridge of system mode: its address, and whether its guests reach each other", () => {
  const { network } = parseConfig("/c", '[network]\nkind = "bridge"\nbridge = "10.7.0.1/24"\nisolate = false\n');
  expect(network).toEqual({ kind: "bridge", deny: [], isolate: false, bridge: { address: "10.7.0.1", prefix: 24 } });
  for (const bridge of ["10.7.0.0/24", "10.7.0.1", "8.8.8.8/24", "br0"])
    expect(problems(`[network]\nbridge = "${bridge}"`)).toEqual([
      expect.stringContaining("network.bridge: must be a private address with a prefix length from 16 to 28"),
    ]);
  expect(problems('[network]\nisolate = "no"')).toEqual(["network.isolate: must be true or false"]);
});

test("a list of 64 denied networks is accepted, and a longer one refused", () => {
  const denying = (count: number) =>
    `[network]\ndeny = [${Array.from({ length: count }, (_, at) => `"10.0.0.${at}"`)}]`;
  expect(parseConfig("/c", denying(64)).network.deny).toHaveLength(64);
  expect(problems(denying(65))).toHaveLength(1);
});

const gib = 1024 ** 3;
test.each([
  ["20 hosts", (past: number) => `insecure_registries = [${Array(20 + past).fill('"a.example"')}]`],
  ["20 mirrors", (past: number) => `[registry_mirrors]\n"docker.io" = [${Array(20 + past).fill('"a.example"')}]`],
  [
    "20 catalogs",
    (past: number) => `catalog_urls = [${Array(20 + past).fill('{ url = "https://a.example/c", key = "k" }')}]`,
  ],
  [
    "4,096 characters of a key's path",
    (past: number) => `catalog_urls = [{ url = "https://a.example/c", key = "${"k".repeat(4096 + past)}" }]`,
  ],
  ["16 TiB of an image", (past: number) => `image_max_size = "${16 * 1024 * gib + past}B"`],
  ["1 MiB of an image", (past: number) => `image_max_size = "${1024 ** 2 - past}B"`],
  ["16 TiB of templates", (past: number) => `template_max_size = "${16 * 1024 * gib + past}B"`],
  ["a second of idling", (past: number) => `idle_timeout = "${1000 - past}ms"`],
])("%s: taken, and refused one past it", (_what, text) => {
  expect(problems(text(0))).toEqual([]);
  expect(problems(text(1))).toHaveLength(1);
});

test("when VMs are suspended", () => {
  expect(defaultConfig("/c").idleMs).toBe(0);
  expect(parseConfig("/c", 'idle_timeout = "30m"').idleMs).toBe(1_800_000);
  expect(parseConfig("/c", 'idle_timeout = "never"').idleMs).toBe(0);
  for (const text of ['"0s"', '"soon"', "30"]) expect(problems(`idle_timeout = ${text}`)).toHaveLength(1);
});

test("the limit of templates, and none", () => {
  expect(parseConfig("/c", 'template_max_size = "2G"').templateMaxBytes).toBe(2 * 1024 ** 3);
  expect(parseConfig("/c", 'template_max_size = "0"').templateMaxBytes).toBe(0);
  expect(problems('template_max_size = "much"')).toHaveLength(1);
});

test("an empty file gives the defaults", () => {
  expect(parseConfig("/c", "")).toEqual(defaultConfig("/c"));
  expect(defaultConfig("/c").provenance["inherit_proxy"]).toBe("default");
});

test("all problems are reported at once, each with its path and a suggestion", () => {
  const text =
    'inherit_proxi = true\nmemory_mib = 5\nzzzzzz = 1\n[vm_defaults]\nvcpu = 0\nmemroy_mib = 1\nmemory_mib = 1025\ndisk_size = "lots"\n';
  expect([...problems(text)].sort()).toEqual([
    'inherit_proxi: unknown key; did you mean "inherit_proxy"?',
    "memory_mib: unknown key; it belongs in [vm_defaults]",
    'vm_defaults.disk_size: must be a size from 256M to 64T, as in `disk_size = "8G"`',
    "vm_defaults.memory_mib: must be an even whole number of MiB from 128 to 1048576, as in `memory_mib = 2048`",
    'vm_defaults.memroy_mib: unknown key; did you mean "memory_mib"?',
    "vm_defaults.vcpu: must be a whole number from 1 to 64, as in `vcpu = 2`",
    "zzzzzz: unknown key",
  ]);
});

const wrong: [string, string][] = [
  ["vm_defaults = 3", "vm_defaults: must be a table: `[vm_defaults]`"],
  ["[[vm_defaults]]\nvcpu = 1", "vm_defaults: must be a table: `[vm_defaults]`"],
  ["[vm_defaults]\nvcpu = 1.5", "vm_defaults.vcpu: must be a whole number from 1 to 64, as in `vcpu = 2`"],
  ['[vm_defaults]\nvcpu = "2"', "vm_defaults.vcpu: must be a whole number from 1 to 64, as in `vcpu = 2`"],
  ["[vm_defaults]\nvcpu = nan", "vm_defaults.vcpu: must be a whole number from 1 to 64, as in `vcpu = 2`"],
  ["[vm_defaults]\ndisk_size = 8", 'vm_defaults.disk_size: must be a size from 256M to 64T, as in `disk_size = "8G"`'],
  ['inherit_proxy = "yes"', "inherit_proxy: must be true or false"],
];
for (const [text, problem] of wrong)
  test(`refuses ${JSON.stringify(text)}`, () => expect(problems(text)).toEqual([problem]));

test("a syntax error names line and column", () => {
  expect(problems("a = 1\nb = [1,\n")[0]).toMatch(/^line \d+, column \d+: ./);
});

test("any text gives a config or CONFIG_INVALID", () => {
  const piece = fc.constantFrom(
    "[vm_defaults]",
    "vcpu",
    "=",
    "1",
    "\n",
    '"',
    "inherit_proxy",
    "true",
    "[",
    "]",
    "\u0000",
    "é",
    "'''",
    "{",
    ".",
    "__proto__",
    "-",
  );
  const text = fc.oneof(
    fc.array(piece).map((all) => all.join("")),
    fc.string(),
  );
  fc.assert(
    fc.property(text, (each) => void problems(each)),
    { numRuns: runs(500) },
  );
});

test("docs/config.md has a row for every key, and no other rows", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/config.md"), "utf8");
  const rows = [...page.matchAll(/^\| `([a-z_.]+)` \|/gm)].map((match) => match[1] as string);
  const keys = keysAt([]).flatMap((key) =>
    keysAt([key]).length > 0 ? keysAt([key]).map((inner) => `${key}.${inner}`) : [key],
  );
  expect(rows.sort()).toEqual(keys.sort());
});

test("64 networks are denied, and a list with one more is refused", () => {
  const denying = (count: number) => {
    const networks = [...Array(count).keys()].map((at) => `"198.51.100.${at}"`);
    return () => parseConfig("/c", `[network]\ndeny = [${networks.join(", ")}]`).network.deny;
  };
  expect(denying(64)()).toHaveLength(64);
  expect(denying(65)).toThrow("must be a list of up to 64 networks");
});
