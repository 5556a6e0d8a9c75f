/** The daemon's log: one JSON object per line, with secrets removed before writing. */
import * as fs from "node:fs";
import { redactText } from "../base/text.ts";
import { escapeUnseen, oneLine, stripControl } from "../base/untrusted-text.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Record<string, unknown>;

export interface Logger {
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
}

/** of one field, in UTF-16 units: untrusted text has no limit of its own */
const maxText = 16 * 1024;

/** A log over this many bytes is kept as `.old`, and a new one is started. */
export const logRotateAt = 8 * 1024 * 1024;

/** Appends to `path`, mode 0600. A full disk loses log lines, but does not end the program. */
export function createLogger(path: string): Logger {
  let file = openLog(path);
  return loggerOver((line) => {
    try {
      if (file.bytes > logRotateAt) {
        fs.closeSync(file.fd);
        file = openLog(path);
      }
      file.bytes += fs.writeSync(file.fd, line);
    } catch {}
  });
}

function openLog(path: string): { fd: number; bytes: number } {
  rotate(path);
  const fd = fs.openSync(path, "a", 0o600);
  return { fd, bytes: fs.fstatSync(fd).size };
}

/** @param write takes one line, with its end */
export function loggerOver(write: (line: string) => void): Logger {
  const at =
    (level: LogLevel) =>
    (text: string, fields: LogFields = {}) =>
      write(formatLine(level, text, fields));
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** of sd-daemon(3): the journal takes a line's level from the number before it */
const priorities: Record<LogLevel, number> = { error: 3, warn: 4, info: 6, debug: 7 };

/** For a service: lines for people, whose time and process the journal adds. @param write takes one line, with its end */
export function journalLogger(write: (line: string) => void): Logger {
  const at =
    (level: LogLevel) =>
    (text: string, fields: LogFields = {}) =>
      write(`<${priorities[level]}>${oneLine(String(loggable(text)))}${detailOf(fields)}\n`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Empty for a field that contains itself, too. */
function detailOf(fields: LogFields): string {
  try {
    return Object.keys(fields).length === 0 ? "" : ` ${jsonOf(fields)}`;
  } catch {
    return "";
  }
}

function formatLine(level: LogLevel, text: string, fields: LogFields): string {
  const entry = { at: new Date().toISOString(), level, text, ...fields };
  try {
    return `${jsonOf(entry)}\n`;
  } catch {
    // a field that contains itself
    return `${JSON.stringify({ at: entry.at, level, text: loggable(text) })}\n`;
  }
}

function jsonOf(value: object): string {
  return escapeUnseen(JSON.stringify(value, (_key, member) => loggable(member)));
}

function loggable(value: unknown): unknown {
  if (typeof value === "string") return redactText(stripControl(value.slice(0, maxText)));
  if (typeof value === "bigint") return String(value);
  if (value instanceof Error) return { name: value.name, message: value.message, ...codeOf(value), cause: value.cause };
  return value;
}

function codeOf(error: Error): { code?: unknown } {
  return "code" in error ? { code: error.code } : {};
}

function rotate(path: string): void {
  try {
    if (fs.statSync(path).size > logRotateAt) fs.renameSync(path, `${path}.old`);
  } catch {}
}
