import type { PlacedNode } from "../protocol.ts";
import type { Graph, GraphHooks } from "./graph.ts";
import type { SessionOptions } from "./session.ts";

/** How a model is opened, whatever its kind. */
export type LoadOptions = GraphHooks & Pick<SessionOptions, "profileInto">;

/** What models of all kinds have in common: a graph that tells of its batches and can be let go of. */
export abstract class GraphModel {
  protected readonly graph: Graph;

  protected constructor(graph: Graph) {
    this.graph = graph;
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
