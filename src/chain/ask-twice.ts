interface Patience {
  /** After so long without an answer it is asked again beside it, milliseconds. */
  againMs: number;
  /** Whether it may be asked again now: after this error, or where there was none yet. */
  mayAskAgain: (error?: unknown) => boolean;
}

/**
 * Asks, and once more where the answer got lost or lets itself be waited for; whichever answer comes first counts.
 * @param ask changes nothing where it is asked, and ends in its own time
 * @throws what the first one throws that is no reason to ask again, else what the last one throws
 */
export function askTwice<T>(ask: () => Promise<T>, { againMs, mayAskAgain }: Patience): Promise<T> {
  return new Promise((resolve, reject) => {
    let asked = 0;
    let failed = 0;
    const askNow = (): void => {
      asked++;
      ask().then(
        (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        (error: unknown) => {
          failed++;
          if (asked === 1 && mayAskAgain(error)) askAgain();
          // The other one may still be answered.
          else if (failed === asked || !mayAskAgain(error)) {
            clearTimeout(timer);
            reject(error);
          }
        },
      );
    };
    const askAgain = (): void => {
      clearTimeout(timer);
      askNow();
    };
    const timer = setTimeout(() => {
      if (mayAskAgain()) askAgain();
    }, againMs);
    askNow();
  });
}
