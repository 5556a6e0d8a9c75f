/** Not a squashfs, or a damaged one. `problem` is a clause. */
export class SquashfsError extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(`bad squashfs: ${problem}`);
    this.name = "SquashfsError";
    this.problem = problem;
  }
}
