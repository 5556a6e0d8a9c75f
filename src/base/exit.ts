/** The exit codes of `banger`; scripts depend on them. */
export const Exit = {
  Ok: 0,
  /** the command did not do what was asked */
  Failure: 1,
  /** bad flags, arguments or config */
  Usage: 2,
  /** something that the user named does not exist */
  NotFound: 3,
  /** a name is taken, something is in use, or a state forbids it */
  Conflict: 4,
  /** the host lacks something: a tool, space, a permission, virtualisation */
  Unavailable: 5,
  /** the daemon can't be reached or speaks another version */
  Daemon: 6,
  /** a bug in banger */
  Internal: 70,
  /** `vm run`, `vm exec`: banger's own failure, as distinct from the guest command's status */
  Run: 125,
  /** the command exists in the guest but can't be executed */
  NotExecutable: 126,
  /** the command does not exist in the guest */
  CommandNotFound: 127,
} as const;

export type ExitCode = (typeof Exit)[keyof typeof Exit];
