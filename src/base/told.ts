/** A text that is told once, however the numbers in it count down. */
export class Told {
  #subject: string | undefined;

  /** Whether it is another text than the last one; it counts as told from now on. */
  isNews(text: string): boolean {
    const subject = text.replace(/\d+/g, "#");
    if (subject === this.#subject) return false;
    this.#subject = subject;
    return true;
  }

  /** What it told of is over: the same text is news again. */
  over(): void {
    this.#subject = undefined;
  }
}
