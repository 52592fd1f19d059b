/** One outside thing and the state it is in. Tells a change once, at the transition, and never the state again. */
export class Tracker<State extends string, Facts = void> {
  readonly #onChange: (change: StateChange<State>, facts: Facts) => void;
  readonly #nowMs: () => number;
  #state: State;
  #sinceMs: number;

  /**
   * @param initial the state that needs no telling
   * @param nowMs milliseconds that only grow: what is tracked may be the clock itself, which is set back one day
   */
  constructor(
    initial: State,
    onChange: (change: StateChange<State>, facts: Facts) => void,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#state = initial;
    this.#onChange = onChange;
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs();
  }

  get state(): State {
    return this.#state;
  }

  /** @returns whether this was a transition */
  set(to: State, facts: Facts): boolean {
    if (to === this.#state) return false;
    const nowMs = this.#nowMs();
    const change = { from: this.#state, to, heldMs: nowMs - this.#sinceMs };
    this.#state = to;
    this.#sinceMs = nowMs;
    this.#onChange(change, facts);
    return true;
  }
}

export interface StateChange<State extends string> {
  from: State;
  to: State;
  /** How long the thing was in the state before, in milliseconds. */
  heldMs: number;
}
