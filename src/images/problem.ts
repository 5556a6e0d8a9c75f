/** Something in an image that can't be used. */
export class ImageProblem extends Error {
  /** half a sentence that begins with "it", "its" or the part that is wrong */
  readonly problem: string;
  /** what to do about it, as a hint; null: getting or making it again is all that is left */
  readonly next: string | null;

  constructor(problem: string, next: string | null = null) {
    super(problem);
    this.name = new.target.name;
    this.problem = problem;
    this.next = next;
  }
}
