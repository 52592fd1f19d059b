/** What of a warehouse the questions use. Every question casts its numbers to DOUBLE and its texts to VARCHAR. */
export interface Ask {
  rows(sql: string): Promise<Record<string, unknown>[]>;
}
