/** A small change of the sources that some test must notice. */
export interface Mutant {
  /** What is wrong after it, as a person would say it. */
  name: string;
  /** From the root of the repository. */
  file: string;
  /** Occurs exactly once in the file. */
  text: string;
  replacement: string;
  /** Test files or folders of which at least one test must fail. */
  tests: readonly string[];
}

/** Mutants that are noticed by the same tests. */
export function noticedBy(tests: readonly string[], mutants: readonly Omit<Mutant, "tests">[]): Mutant[] {
  return mutants.map((mutant) => ({ ...mutant, tests }));
}
