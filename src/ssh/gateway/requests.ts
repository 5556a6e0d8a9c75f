/** What a session of an ssh client asks for (RFC 4254, 6), as commands of the guest's agent. Pure. */
import type { ExecRequest } from "../../wire/agent/types.ts";

/** Variables that a client may send: by number, and by the bytes of one value. */
export const [maxVariables, maxValueBytes] = [64, 32 * 1024];

export type Pty = { cols: number; rows: number; term: string };

export type SessionState = { env: Record<string, string>; pty: Pty | null };

const nameForm = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** The session with one variable more; null: it is refused. */
export function withVariable(state: SessionState, name: string, value: string): SessionState | null {
  const isNew = !Object.hasOwn(state.env, name);
  if (!nameForm.test(name) || value.includes("\0") || Buffer.byteLength(value) > maxValueBytes) return null;
  if (isNew && Object.keys(state.env).length >= maxVariables) return null;
  return { ...state, env: { ...state.env, [name]: value } };
}

/** A terminal's size as the agent takes it; of a client that knows none, the usual one. */
export function sizeOf({ cols, rows }: { cols: number; rows: number }): { cols: number; rows: number } {
  const within = (value: number, usual: number) => (value >= 1 && value <= 65_535 ? Math.floor(value) : usual);
  return { cols: within(cols, 80), rows: within(rows, 24) };
}

export function shellRequest(state: SessionState, user: string): ExecRequest {
  return { shell: true, ...common(state, user) };
}

/** By the user's own shell, as sshd does: sshd(8), "LOGIN PROCESS". */
export function commandRequest(state: SessionState, user: string, command: string): ExecRequest {
  const scp = scpRequest(state, user, command);
  if (scp) return scp;
  const byShell = `exec "\${SHELL:-/bin/sh}" -c "$1"`;
  return { argv: ["/bin/sh", "-c", byShell, "sh", command], ...common(state, user) };
}

/** What `scp -O` and libssh2 send: options of the remote side, `-f` or `-t` among them, and paths as they were typed. */
const scpForm = /^scp ((?:-[dpqrv]+ )*-[dpqrv]*[ft][dpqrv]*(?: .*)?)$/s;

/** The agent's own scp, in every image: the protocol is the same, and there is one program to know. @returns null for another command */
export function scpRequest(state: SessionState, user: string, command: string): ExecRequest | null {
  const [, given] = scpForm.exec(command) ?? [];
  return given === undefined ? null : { builtin: "scp", arguments: given, ...common({ ...state, pty: null }, user) };
}

/** @returns null for another subsystem than sftp */
export function subsystemRequest(state: SessionState, user: string, name: string): ExecRequest | null {
  return name === "sftp" ? { builtin: "sftp", ...common({ ...state, pty: null }, user) } : null;
}

function common({ env, pty }: SessionState, user: string): Partial<ExecRequest> {
  const tty = pty ? { tty: { ...sizeOf(pty), ...(pty.term === "" ? {} : { term: pty.term }) } } : {};
  return { user, ...(Object.keys(env).length > 0 ? { env } : {}), ...tty };
}
