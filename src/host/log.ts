/** The daemon's log: one JSON object per line, with secrets removed before writing. */
import * as fs from "node:fs";
import { redactText } from "../base/text.ts";
import { escapeUnseen, stripControl } from "../base/untrusted-text.ts";

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

function formatLine(level: LogLevel, text: string, fields: LogFields): string {
  const entry = { at: new Date().toISOString(), level, text, ...fields };
  try {
    return `${escapeUnseen(JSON.stringify(entry, (_key, value) => loggable(value)))}\n`;
  } catch {
    // a field that contains itself
    return `${JSON.stringify({ at: entry.at, level, text: loggable(text) })}\n`;
  }
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
