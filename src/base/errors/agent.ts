/** Failures of the guest agent and of commands run through it. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const agentErrors = {
  AGENT_UNREACHABLE: spec({
    exit: Exit.Failure,
    message: (p: { name: string; reason: string }) => `the agent in VM "${p.name}" does not answer: ${p.reason}`,
    hint: (p) => `the console may show why: \`banger vm logs ${p.name}\``,
  }),
  AGENT_PROTOCOL: spec({
    exit: Exit.Failure,
    message: (p: { problem: string }) => `the other end broke the agent protocol: ${p.problem}`,
    hint: () => "restart the VM; if it happens again, report it with the output of `banger doctor`",
  }),
  AGENT_REFUSED: spec({
    exit: Exit.Failure,
    message: (p: { verb: string; reason: string; code: string }) => `the guest refused ${p.verb}: ${p.reason}`,
    hint: () => "check the path, user and command that you gave",
  }),
  COMMAND_NOT_FOUND: spec({
    exit: Exit.CommandNotFound,
    message: (p: { command: string }) => `"${p.command}" does not exist in the guest`,
    hint: () => "check its spelling and the guest's PATH, or install it in the guest",
  }),
  COMMAND_NOT_EXECUTABLE: spec({
    exit: Exit.NotExecutable,
    message: (p: { command: string }) => `"${p.command}" can't be executed in the guest`,
    hint: () =>
      "check with `ls -ld` that it is a regular file with an `x` in its mode, and a program for x86-64 Linux or a script with a `#!` line",
  }),
  COMMAND_TOO_LARGE: spec({
    exit: Exit.NotExecutable,
    message: (p: { problem: string }) => `the command can't be run: ${p.problem}`,
    hint: () => "put long values into a file in the VM, or pass them on stdin",
  }),
  SESSION_LOST: spec({
    exit: Exit.Run,
    message: (p: { name: string; reason: string }) => `the session in VM "${p.name}" was lost: ${p.reason}`,
    hint: (p: { name: string; reason: string; next?: string }) =>
      p.next ?? `\`banger vm show ${p.name}\` shows its state; reconnect with \`banger vm ssh ${p.name}\``,
  }),
};
