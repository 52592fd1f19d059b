import type { PlacedNode } from "../protocol.ts";
import type { Graph } from "./graph.ts";

/** What models of all kinds have in common: a graph that tells of its batches and can be let go of. */
export abstract class GraphModel {
  protected readonly graph: Graph;

  protected constructor(graph: Graph) {
    this.graph = graph;
  }

  /** Called after each batch. */
  set onBatch(callback: () => void) {
    this.graph.onBatch = callback;
  }

  /** Where each node ran so far, of a model that was loaded to tell. */
  placedNodes(): PlacedNode[] {
    return this.graph.placedNodes();
  }

  /** Frees the model's memory; it cannot be used any more. */
  async release(): Promise<void> {
    await this.graph.release();
  }
}
