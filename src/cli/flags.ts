/** Parses the values of flags. Every error names the flag and gives an example. */
import { fail } from "../base/errors/error.ts";
import { formatSize, parseDuration, parseSize } from "../base/units.ts";
import { maxHostPorts } from "../model/host-ports.ts";
import { denyProblem, maxDeny, type NetworkKind, networkKinds, parseDeny } from "../model/network.ts";
import {
  formatPublished,
  maxPublished,
  type PublishedPort,
  parsePublished,
  publishedProblem,
  twicePublished,
} from "../model/ports.ts";
import { sizeBounds } from "../model/size-bounds.ts";
import { type WaitKind, waitKinds } from "../model/vm.ts";
import { type VmmChoice, vmmChoices } from "../model/vmm.ts";

const mib = 1024 * 1024;

export function parseVcpu(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  const { min, max } = sizeBounds.vcpu;
  if (value < min || value > max)
    throw invalid("--vcpu", text, `is not a number of CPUs from ${min} to ${max}`, "--vcpu 2");
  return value;
}

export function parseMemory(text: string): number {
  const bytes = parseSize(text);
  const value = bytes === null ? 0 : Math.floor(bytes / mib);
  const { min, max } = sizeBounds.memoryMib;
  if (value < min || value > max)
    throw invalid(
      "--memory",
      text,
      `is not a size from ${formatSize(min * mib)} to ${formatSize(max * mib)}`,
      "--memory 2G",
    );
  return value;
}

export function parseDisk(text: string): number {
  const bytes = parseSize(text) ?? 0;
  const { min, max } = sizeBounds.diskBytes;
  if (bytes < min || bytes > max)
    throw invalid("--disk", text, `is not a size from ${formatSize(min)} to ${formatSize(max)}`, "--disk 20G");
  return bytes;
}

export function parseNetwork(text: string): NetworkKind {
  const found = networkKinds.find((kind) => kind === text);
  if (!found) throw invalid("--network", text, `is not one of ${networkKinds.join(", ")}`, "--network user");
  return found;
}

export function parseVmm(text: string): VmmChoice {
  const found = vmmChoices.find((choice) => choice === text);
  if (!found) throw invalid("--vmm", text, `is not one of ${vmmChoices.join(", ")}`, "--vmm auto");
  return found;
}

/** The values of `--deny` in normal form. */
export function denyOf(texts: readonly string[] | undefined): string[] {
  const all = texts ?? [];
  if (all.length > maxDeny) throw invalid("--deny", all[maxDeny] ?? "", `is one more than ${maxDeny}`, "--deny lan");
  return all.map((text) => {
    const entry = parseDeny(text);
    if (entry === null) throw invalid("--deny", text, denyProblem(text), "--deny 10.0.0.0/8");
    return entry;
  });
}

/** The values of `--publish`. */
export function publishOf(texts: readonly string[]): PublishedPort[] {
  const example = "--publish 8080:3000";
  if (texts.length > maxPublished)
    throw invalid("--publish", texts[maxPublished] ?? "", `is one more than ${maxPublished}`, example);
  const all = texts.map((text) => {
    const port = parsePublished(text);
    if (port === null) throw invalid("--publish", text, publishedProblem(text), example);
    return port;
  });
  const twice = twicePublished(all);
  if (twice) throw invalid("--publish", formatPublished(twice), "has a port of the host that another has", example);
  return all;
}

/** The values of `--allow-host`. */
export function allowHostOf(texts: readonly string[]): number[] {
  const example = "--allow-host 5432";
  if (texts.length > maxHostPorts)
    throw invalid("--allow-host", texts[maxHostPorts] ?? "", `is one more than ${maxHostPorts}`, example);
  const ports = texts.map((text) => {
    const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65_535)
      throw invalid("--allow-host", text, "is not a port of this host, 1 to 65535", example);
    return port;
  });
  return [...new Set(ports)];
}

export function parseWait(text: string): WaitKind {
  const found = waitKinds.find((kind) => kind === text);
  if (!found) throw invalid("--wait", text, `is not one of ${waitKinds.join(", ")}`, "--wait agent");
  return found;
}

export function parseDepth(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw invalid("--depth", text, "is not a number of commits, 1 or more", "--depth 50");
  return value;
}

export function parseGrace(text: string): number {
  const ms = /h|d/.test(text) ? null : parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  if (ms === null) throw invalid("--grace", text, "is not a duration", "--grace 10s");
  return ms;
}

/** In `ms`; 0 for `never`. */
export function parseIdle(text: string): number {
  if (text === "never") return 0;
  const ms = parseDuration(text);
  if (ms === null || ms < 1000 || ms > 366 * 86_400_000)
    throw invalid("--idle-timeout", text, "is not a duration of 1s or more, or never", "--idle-timeout 30m");
  return ms;
}

export function parseCount(text: string): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 64) throw invalid("--count", text, "is not a number from 1 to 64", "--count 3");
  return value;
}

export function parseRuns(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 1000) throw invalid("--runs", text, "is not a number from 1 to 1000", "--runs 10");
  return value;
}

function invalid(flag: string, value: string, problem: string, example: string): Error {
  return fail("FLAG_INVALID", { flag, value, problem, example });
}
