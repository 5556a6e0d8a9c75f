/**
 * The configuration of the guest's `.git`, written by banger from an allow-list. Nothing in it runs a program, and it has no credentials;
 * what `git status` depends on is kept.
 */
import { redactUrl } from "../base/text.ts";
import { quoteConfigValue, quoteSubsection } from "./git-config.ts";
import { isSafePath } from "./names.ts";
import type { Settings } from "./settings.ts";

export type GuestConfigFacts = {
  settings: Settings;
  /** branches whose upstream is kept */
  branches: readonly string[];
  /** for a submodule: its work tree relative to its git directory */
  worktree: string | null;
  /** path in the guest of the user's own attributes; null when there are none */
  attributesFile: string | null;
  /** path in the guest of the user's own ignore rules; null when there are none */
  excludesFile: string | null;
};

const bool = /^(?:true|false|yes|no|on|off|0|1)$/i;

/** Keys that are copied from any scope if their value matches. */
const allowed: readonly { key: string; value: RegExp }[] = [
  { key: "core.filemode", value: bool },
  { key: "core.symlinks", value: bool },
  { key: "core.ignorecase", value: bool },
  { key: "core.autocrlf", value: /^(?:true|false|yes|no|on|off|0|1|input)$/i },
  { key: "core.eol", value: /^(?:lf|crlf|native)$/i },
  { key: "core.quotepath", value: bool },
  { key: "core.sparsecheckout", value: bool },
  { key: "core.sparsecheckoutcone", value: bool },
  { key: "core.abbrev", value: /^(?:auto|no|\d{1,2})$/i },
  { key: "index.sparse", value: bool },
  { key: "status.showuntrackedfiles", value: /^(?:no|normal|all)$/i },
  { key: "status.relativepaths", value: bool },
  { key: "status.short", value: bool },
  { key: "status.branch", value: bool },
  { key: "status.aheadbehind", value: bool },
  { key: "advice.statushints", value: bool },
  { key: "status.renames", value: /^(?:true|false|copies?)$/i },
  { key: "diff.renames", value: /^(?:true|false|copies?)$/i },
  { key: "diff.ignoresubmodules", value: /^(?:none|untracked|dirty|all)$/i },
  { key: "init.defaultbranch", value: /^[\w./-]{1,100}$/ },
];

/** @returns the file's text (byte text), and what was left out on purpose */
export function guestConfig(facts: GuestConfigFacts): { text: string; stripped: string[] } {
  const lines: string[] = [];
  const stripped: string[] = [];
  writeCore(lines, facts);
  writeRemotes(lines, facts.settings, stripped);
  writeBranches(lines, facts);
  writeSubmodules(lines, facts.settings);
  return { text: `${lines.join("\n")}\n`, stripped };
}

function writeCore(lines: string[], { settings, worktree, ...files }: GuestConfigFacts): void {
  const extensions = [
    ...(settings.sha256 ? ["\tobjectFormat = sha256"] : []),
    ...(settings.promisor === null ? [] : [`\tpartialClone = ${quoteConfigValue(settings.promisor)}`]),
  ];
  lines.push("[core]", `\trepositoryformatversion = ${extensions.length > 0 ? 1 : 0}`, "\tbare = false");
  lines.push("\tuntrackedCache = false");
  if (worktree !== null) lines.push(`\tworktree = ${quoteConfigValue(worktree)}`);
  for (const name of ["attributesFile", "excludesFile"] as const) {
    const path = files[name];
    if (path !== null) lines.push(`\t${name} = ${quoteConfigValue(path)}`);
  }
  if (extensions.length > 0) lines.push("[extensions]", ...extensions);
  for (const { key, value } of allowed) {
    const found = settings.effective.get(key);
    const [section, name] = key.split(".");
    if (found !== undefined && value.test(found)) lines.push(`[${section}]`, `\t${name} = ${quoteConfigValue(found)}`);
  }
  for (const name of ["name", "email"]) {
    const found = settings.effective.get(`user.${name}`);
    if (found !== undefined && /^[^\n\0]{1,200}$/.test(found))
      lines.push("[user]", `\t${name} = ${quoteConfigValue(found)}`);
  }
}

function writeRemotes(lines: string[], { local, promisor }: Settings, stripped: string[]): void {
  for (const name of local.subsections("remote")) {
    const quoted = quoteSubsection(name);
    if (quoted === null) continue;
    const own: string[] = [];
    for (const key of ["url", "pushurl"]) {
      for (const url of local.all(`remote.${name}.${key}`)) {
        const clean = cleanUrl(url);
        if (clean !== url) stripped.push(name);
        if (clean !== null) own.push(`\t${key} = ${quoteConfigValue(clean)}`);
      }
    }
    for (const spec of local.all(`remote.${name}.fetch`)) {
      if (/^[+^]?refs\/[^\s\0]*$/.test(spec)) own.push(`\tfetch = ${quoteConfigValue(spec)}`);
    }
    if (name === promisor)
      own.push("\tpromisor = true", ...promisorFilter(local.get(`remote.${name}.partialclonefilter`)));
    if (own.length > 0) lines.push(`[remote ${quoted}]`, ...own);
  }
}

function promisorFilter(filter: string | undefined): string[] {
  return filter !== undefined && /^[\w:=.+-]{1,100}$/.test(filter) ? [`\tpartialclonefilter = ${filter}`] : [];
}

/** The URL without secrets; null when it is not an address but a program (`ext::sh -c …`). */
export function cleanUrl(url: string): string | null {
  if (/^[A-Za-z0-9][A-Za-z0-9+.-]*::/.test(url) || url.startsWith("-")) return null;
  return redactUrl(url);
}

function writeBranches(lines: string[], { settings: { local }, branches }: GuestConfigFacts): void {
  for (const branch of branches) {
    const quoted = quoteSubsection(branch);
    const remote = local.get(`branch.${branch}.remote`);
    const merge = local.get(`branch.${branch}.merge`);
    if (quoted === null || remote === undefined || !merge?.startsWith("refs/") || cleanUrl(remote) !== remote) continue;
    lines.push(`[branch ${quoted}]`, `\tremote = ${quoteConfigValue(remote)}`, `\tmerge = ${quoteConfigValue(merge)}`);
  }
}

function writeSubmodules(lines: string[], { local }: Settings): void {
  for (const name of local.subsections("submodule")) {
    const quoted = quoteSubsection(name);
    if (quoted === null || !isSafePath(name)) continue;
    const own: string[] = [];
    const url = local.get(`submodule.${name}.url`);
    const clean = url === undefined ? null : cleanUrl(url);
    if (clean !== null) own.push(`\turl = ${quoteConfigValue(clean)}`);
    if (local.bool(`submodule.${name}.active`) !== undefined)
      own.push(`\tactive = ${local.bool(`submodule.${name}.active`)}`);
    const ignore = local.get(`submodule.${name}.ignore`);
    if (ignore !== undefined && /^(?:all|dirty|untracked|none)$/.test(ignore)) own.push(`\tignore = ${ignore}`);
    if (own.length > 0) lines.push(`[submodule ${quoted}]`, ...own);
  }
}
