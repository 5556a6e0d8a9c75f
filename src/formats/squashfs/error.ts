/** A squashfs that is damaged, or none. `problem` is half a sentence. */
export class SquashfsError extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(`bad squashfs: ${problem}`);
    this.name = "SquashfsError";
    this.problem = problem;
  }
}
