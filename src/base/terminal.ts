/** What of a standard stream is looked at. */
export interface MaybeTerminal {
  isTTY?: boolean | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** True for a terminal on which a line can be drawn over; `TERM=dumb` says of one that it cannot. */
export function canRedraw(stream: MaybeTerminal, environment: Environment = process.env): boolean {
  return stream.isTTY === true && environment.TERM !== "dumb";
}

/** True for a terminal that wants colour: not with `NO_COLOR` set to anything (no-color.org), not a dumb one. */
export function wantsColour(stream: MaybeTerminal, environment: Environment = process.env): boolean {
  return canRedraw(stream, environment) && !environment.NO_COLOR;
}
