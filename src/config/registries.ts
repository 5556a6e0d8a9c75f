/**
 * The package registries of the host, passed on to guests: addresses, never the credentials in them. Pure: a plan from facts, which
 * `registry-facts.ts` gathers.
 */
import { isLoopback } from "./proxy.ts";

export type RegistryFacts = {
  env: Record<string, string | undefined>;
  /** `index-url`, `extra-index-url` and `trusted-host` of pip.conf(5), most general file first */
  pip: readonly string[];
  /** .npmrc, most general file first */
  npm: readonly string[];
  /** the file that `go env -w` writes: lines of NAME=VALUE */
  go: readonly string[];
};

export type RegistryPlan = { environment: Record<string, string> /** for the user */; notes: string[] };

/** Variables that contain an address, or several separated by spaces. */
const addressNames = [
  "PIP_INDEX_URL",
  "PIP_EXTRA_INDEX_URL",
  "UV_INDEX_URL",
  "UV_EXTRA_INDEX_URL",
  "UV_DEFAULT_INDEX",
  "UV_INDEX",
  "npm_config_registry",
  "YARN_NPM_REGISTRY_SERVER",
  "BUN_CONFIG_REGISTRY",
  "RUSTUP_DIST_SERVER",
  "RUSTUP_UPDATE_ROOT",
] as const;
const cargoName = /^CARGO_REGISTRIES_[A-Z0-9_]{1,64}_INDEX$/;
/** Variables that contain host and module names, separated by commas or spaces. */
const patternNames = ["PIP_TRUSTED_HOST", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE"] as const;

export function planRegistries(facts: RegistryFacts): RegistryPlan {
  const notes: string[] = [];
  const environment: Record<string, string> = {};
  const said = { ...fromFiles(facts), ...fromVariables(facts.env) };
  for (const [name, value] of Object.entries(said)) {
    const taken = valueFor(name, value, notes);
    if (taken !== null) environment[name] = taken;
  }
  return { environment, notes };
}

function fromFiles({ pip, npm, go }: RegistryFacts): Record<string, string> {
  const found: Record<string, string> = {};
  const take = (name: string, value: string | undefined) => {
    if (value) found[name] = value;
  };
  for (const text of pip) {
    const options = pipOptions(text);
    take("PIP_INDEX_URL", options["index-url"]);
    take("PIP_EXTRA_INDEX_URL", options["extra-index-url"]);
    take("PIP_TRUSTED_HOST", options["trusted-host"]);
  }
  for (const text of npm) take("npm_config_registry", /^[ \t]*registry[ \t]*=[ \t]*(\S+)/m.exec(text)?.[1]);
  for (const text of go) {
    for (const line of text.split("\n")) {
      const [, name = "", value] = /^(\w+)=(.*)$/.exec(line.trim()) ?? [];
      if (isGoName(name)) take(name, value);
    }
  }
  return found;
}

/** The sections `global` and `install`; a value continues in lines that begin with white space. */
function pipOptions(text: string): Record<string, string> {
  const options: Record<string, string> = {};
  let section = "";
  let last = "";
  for (const line of text.split("\n").filter((each) => !/^\s*[#;]/.test(each))) {
    const [, name, key, value] = /^\[(\w+)\]|^([\w-]+)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) section = name;
    else if (section !== "global" && section !== "install") continue;
    else if (key !== undefined) {
      last = key.toLowerCase().replaceAll("_", "-");
      options[last] = (value ?? "").trim();
    } else if (/^\s+\S/.test(line) && last !== "") options[last] = `${options[last]} ${line.trim()}`.trim();
  }
  return options;
}

function isGoName(name: string): boolean {
  return name === "GOPROXY" || name === "GOSUMDB" || (patternNames as readonly string[]).includes(name);
}

function fromVariables(env: RegistryFacts["env"]): Record<string, string> {
  const found: Record<string, string> = {};
  const own = [...addressNames, ...patternNames, "GOPROXY", "GOSUMDB"];
  for (const name of [...own, ...Object.keys(env).filter((each) => cargoName.test(each))]) {
    const value = env[name] || (name === "npm_config_registry" ? env["NPM_CONFIG_REGISTRY"] : undefined);
    if (value?.trim()) found[name] = value.trim();
  }
  return found;
}

function valueFor(name: string, value: string, notes: string[]): string | null {
  if (name === "GOSUMDB") return /^[\w.+/=:-]{1,300}( https:\/\/[\w.:/-]{1,200})?$/.test(value) ? value : null;
  if ((patternNames as readonly string[]).includes(name)) return /^[\w.*:/, -]{1,1000}$/.test(value) ? value : null;
  const separator = name === "GOPROXY" ? /([,|])/ : /(\s+)/;
  const parts = value.split(separator).map((part, index) => (index % 2 === 1 ? part : address(name, part, notes)));
  return parts.includes(null) ? null : parts.join("");
}

/** One address without its credentials; null: it is not passed on, which is reported. */
function address(name: string, text: string, notes: string[]): string | null {
  if (name === "GOPROXY" && (text === "direct" || text === "off")) return text;
  const [, prefix = "", plain = ""] = /^((?:[a-z][a-z0-9]*=)?(?:sparse\+)?)(.*)$/i.exec(text) ?? [];
  const url = plain.length > 1024 || /[^\x21-\x7e]|["'\\`$]/.test(plain) ? null : URL.parse(plain);
  const problem = problemOf(url);
  if (url === null || problem !== null) {
    notes.push(`${name} is not passed on: ${problem}`);
    return null;
  }
  if (url.username || url.password || url.search) notes.push(`${name} is passed on without its credentials`);
  const isBare = !(url.username || url.password || url.search || url.hash);
  if (isBare) return `${prefix}${plain}`;
  Object.assign(url, { username: "", password: "", search: "", hash: "" });
  return `${prefix}${url.href}`;
}

function problemOf(url: URL | null): string | null {
  if (url === null || !/^https?:$/.test(url.protocol)) return "it is not an http or https address";
  const isHere = isLoopback(url.hostname.replace(/^\[|\]$/g, ""));
  return isHere ? "it is on the host's own loopback, which guests can't reach" : null;
}
