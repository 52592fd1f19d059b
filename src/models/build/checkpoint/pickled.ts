/** A class or function that the pickle names, of which only the name is here. */
export class PickledName {
  constructor(readonly name: string) {}
}
/** What `name(...args)` would be. */
export class PickledCall {
  constructor(
    readonly name: string,
    readonly args: readonly Pickled[],
  ) {}
}
/** What the file outside the pickle holds under these words. */
export class PickledReference {
  constructor(readonly id: Pickled) {}
}
export class PickledTuple {
  constructor(readonly items: readonly Pickled[]) {}
}
export class PickledDict {
  readonly items = new Map<string, Pickled>();
}
export type Pickled =
  | null
  | boolean
  | number
  | string
  | PickledName
  | PickledCall
  | PickledReference
  | PickledTuple
  | PickledDict;
