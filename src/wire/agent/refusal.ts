/** Refusals: error codes of the protocol, and what they are to users of banger. */
import { type BangerError, fail, toBangerError } from "../../base/errors/error.ts";
import { stripControl } from "../../base/text.ts";
import type { Json } from "./types.ts";

export type Refusal = { code: string; message: string };

/** Reads `error` of a REPLY or CLOSE; whatever is missing is made up, nothing is trusted. */
export function parseRefusal(value: Json): Refusal {
  const error = value["error"];
  const { code, message } = typeof error === "object" && error !== null ? (error as Json) : ({} as Json);
  return { code: cleaned(code, "unknown", 40), message: cleaned(message, "no reason given", 500) };
}

function cleaned(value: unknown, otherwise: string, max: number): string {
  return typeof value === "string" && value !== "" ? stripControl(value).slice(0, max) : otherwise;
}

export function refusalError(verb: string, args: Json, refusal: Refusal): BangerError {
  const [program] = Array.isArray(args["argv"]) ? args["argv"] : [];
  const command = typeof program === "string" ? program : "the login shell";
  if (verb === "exec" && refusal.code === "not_found") return fail("COMMAND_NOT_FOUND", { command });
  if (verb === "exec" && refusal.code === "not_executable") return fail("COMMAND_NOT_EXECUTABLE", { command });
  return fail("AGENT_REFUSED", { verb, reason: refusal.message, code: refusal.code });
}

/** The way back: for a relay that hands a refusal on. */
export function refusalOf(thrown: unknown): Refusal {
  const error = toBangerError(thrown);
  if (error.code === "COMMAND_NOT_FOUND") return { code: "not_found", message: error.message };
  if (error.code === "COMMAND_NOT_EXECUTABLE") return { code: "not_executable", message: error.message };
  const { code, reason } = error.details;
  if (error.code === "AGENT_REFUSED" && typeof code === "string") return { code, message: String(reason) };
  return { code: "io", message: error.message };
}
