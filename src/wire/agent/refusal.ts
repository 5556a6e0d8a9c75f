/** Translates between refusals of the protocol and banger's errors. */
import { type BangerError, fail, toBangerError } from "../../base/errors/error.ts";
import { textOf } from "../../base/untrusted-json.ts";
import type { Json } from "./types.ts";

export type Refusal = { code: string; message: string };

/** Limits in UTF-16 units, small enough that every refusal fits in a frame. */
export const maxCode = 40;
export const maxMessage = 500;

/** Made by our relay, not by the guest: the guest violated the protocol. */
const violation = "protocol";

/** Reads `error` of a REPLY or CLOSE; missing or malformed parts get defaults. */
export function parseRefusal(value: Json): Refusal {
  const error = value["error"];
  const { code, message } = typeof error === "object" && error !== null ? (error as Json) : ({} as Json);
  return { code: cleaned(code, "unknown", maxCode), message: cleaned(message, "no reason given", maxMessage) };
}

function cleaned(value: unknown, otherwise: string, max: number): string {
  return textOf(value, max) || otherwise;
}

export function refusalError(verb: string, args: Json, refusal: Refusal): BangerError {
  const [program] = Array.isArray(args["argv"]) ? args["argv"] : [];
  const command = typeof program === "string" ? program : "the login shell";
  if (verb === "exec" && refusal.code === "not_found") return fail("COMMAND_NOT_FOUND", { command });
  if (verb === "exec" && refusal.code === "not_executable") return fail("COMMAND_NOT_EXECUTABLE", { command });
  if (verb === "exec" && refusal.code === "too_large") return fail("COMMAND_TOO_LARGE", { problem: refusal.message });
  if (refusal.code === violation) return fail("AGENT_PROTOCOL", { problem: refusal.message });
  return fail("AGENT_REFUSED", { verb, reason: reasonOf(args, refusal), code: refusal.code });
}

/** Drops the number that Rust appends to a system error; names a bad folder as the request did, with all its bytes. */
function reasonOf(args: Json, { code, message }: Refusal): string {
  const reason = message.replace(/ \(os error \d+\)$/, "");
  const { cwd } = args;
  if (code !== "bad_cwd" || typeof cwd !== "string") return reason;
  return `folder "${cwd}": ${reason.slice(reason.lastIndexOf(": ") + 1).trim()}`;
}

/** The inverse, for a relay that forwards a refusal. */
export function refusalOf(thrown: unknown): Refusal {
  const { code, message } = wholeRefusal(toBangerError(thrown));
  return { code: code.slice(0, maxCode), message: message.slice(0, maxMessage) };
}

function wholeRefusal({ code, message, details }: BangerError): Refusal {
  if (code === "COMMAND_NOT_FOUND") return { code: "not_found", message };
  if (code === "COMMAND_NOT_EXECUTABLE") return { code: "not_executable", message };
  if (code === "COMMAND_TOO_LARGE")
    return { code: "too_large", message: textOf(details["problem"], maxMessage) ?? message };
  if (code === "AGENT_PROTOCOL") return { code: violation, message: textOf(details["problem"], maxMessage) ?? message };
  if (code === "AGENT_REFUSED" && typeof details["code"] === "string")
    return { code: details["code"], message: textOf(details["reason"], maxMessage) ?? message };
  return { code: "io", message };
}
