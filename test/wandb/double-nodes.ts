import type { StoredRun } from "./double.ts";
import { parseLoose } from "./double-filter.ts";

/** The user of the key, with every field that a client asks for. */
export function viewerOf(entity: string): Record<string, unknown> {
  return {
    __typename: "User",
    id: "VXNlcjox",
    name: entity,
    username: entity,
    email: "local@localhost",
    admin: false,
    flags: "{}",
    entity,
    deletedAt: null,
    apiKeys: { edges: [] },
    teams: { edges: [] },
  };
}

export function projectNode(name: unknown, entity: unknown, own: string): object {
  return {
    __typename: "Project",
    id: `p:${name}`,
    internalId: "1",
    name,
    entityName: entity,
    entity: { id: `e:${entity}`, name: entity, organization: null },
    createdAt: "2026-01-01T00:00:00Z",
    isBenchmark: false,
    readOnly: false,
    user: viewerOf(own),
  };
}

/** A run as GraphQL gives it: a superset of what any client asks for. */
export function runNode(run: StoredRun, state: string, entity: string): Record<string, unknown> {
  const rows = run.history.map((line) => parseLoose(line) as Record<string, unknown>);
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return {
    id: run.id,
    projectId: 1,
    name: run.name,
    displayName: run.displayName,
    tags: run.tags,
    state,
    group: null,
    jobType: null,
    sweepName: null,
    commit: null,
    readOnly: false,
    createdAt: run.createdAt,
    heartbeatAt: new Date(run.beatMs).toISOString(),
    description: null,
    notes: run.notes ?? null,
    historyLineCount: run.history.length,
    user: { name: entity, username: entity },
    config: run.config,
    summaryMetrics: run.summary,
    systemMetrics: run.events.at(-1) ?? "{}",
    historyKeys: {
      sets: [],
      lastStep: rows.reduce((last, row) => Math.max(last, Number(row._step)), -1),
      keys: Object.fromEntries(
        keys.map((key) => [key, { typeCounts: [{ type: "number", count: rows.length }] }]),
      ),
    },
  };
}
