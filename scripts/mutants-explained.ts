/**
 * Changes that `make mutants` may find unnoticed, by file and by `before  ->  after` as it prints them, each with the reason why no test
 * can or should notice it. An entry that fits no line of its file any more fails a unit test; one that a test notices fails the run.
 */
export const explained: Record<string, Record<string, string>> = {};
