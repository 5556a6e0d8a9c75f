/** A problem with an image that makes it unusable. */
export class ImageProblem extends Error {
  /** a clause that begins with "it", "its" or the faulty part */
  readonly problem: string;
  /** a hint; null if the only remedy is to get or make the image again */
  readonly next: string | null;

  constructor(problem: string, next: string | null = null) {
    super(problem);
    this.name = new.target.name;
    this.problem = problem;
    this.next = next;
  }
}
