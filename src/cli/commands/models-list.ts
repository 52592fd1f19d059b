import { type CatalogModel, embeddedManifests } from "../../models/catalog.ts";
import { isPulled } from "../../models/known-models.ts";
import { dtypesHere, dtypesOf, lockedFiles, modelState } from "../../models/locked-manifest.ts";
import { PROFILE_NAMES } from "../../rewards/profiles.ts";
import type { CommandContext } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { screenWidth } from "../fit.ts";
import { costInside, costJson, costOf, costsOf, type ModelCost, totalCost } from "../model-costs.ts";
import { nameLines, profileTable, sizeText } from "../models-tables.ts";
import { openModels } from "../opened-models.ts";
import { modelsOfProfile } from "../profile-models.ts";
import { fittedTable, noRoomText } from "../table.ts";

/** From here on there is room for what each model is for. */
const ROLES_WIDTH = 80;

interface Row {
  id: string;
  roles: readonly string[];
  licence: string;
  /** Of the whole model where it is known, else of what was pulled of it. */
  sizeBytes: number | null;
  isExport: boolean;
  isBuilt: boolean;
  dtypes: string[];
  dtypesHere: string[];
  state: string;
  profiles: string[];
  cost: ModelCost;
}

export async function listModels(context: CommandContext): Promise<number> {
  const { directory, catalog } = openModels(context);
  const profiles = PROFILE_NAMES.map((name) => ({ name, needs: modelsOfProfile(name) }));
  const profilesWith = (id: string): string[] =>
    profiles.flatMap(({ name, needs }) => (needs.some((need) => need.id === id) ? name : []));
  const rows: Row[] = embeddedManifests().map((model) => ({
    id: model.id,
    roles: ["relevance", "diversity"],
    licence: model.licence.spdx,
    sizeBytes: model.files.reduce((sum, { size }) => sum + size, 0),
    isExport: false,
    isBuilt: false,
    dtypes: dtypesOf(model),
    dtypesHere: dtypesOf(model),
    state: "embedded",
    profiles: profilesWith(model.id),
    cost: costInside(model, []),
  }));
  for (const model of catalog)
    rows.push({
      id: model.id,
      roles: model.roles,
      licence: model.licence.spdx,
      sizeBytes: knownSize(directory, model),
      isExport: !isPulled(model),
      isBuilt: model.checkpoint !== undefined,
      dtypes: dtypesOf(model),
      dtypesHere: dtypesHere(directory, model),
      state: modelState(directory, model),
      profiles: profilesWith(model.id),
      cost: await costOf(directory, model, {}),
    });
  const costs = await Promise.all(
    profiles.map(async ({ name, needs }) => ({ name, costs: await costsOf(directory, catalog, needs) })),
  );
  if (context.flags.json === "true") {
    const models = rows.map(({ cost, ...row }) => ({ ...row, pull: costJson(cost) }));
    const sums = costs.map(({ name, costs: own }) => ({
      id: name,
      models: own.map(({ id }) => id),
      ...totalCost(own),
    }));
    context.print(`${JSON.stringify({ directory, models, profiles: sums }, null, 2)}\n`);
    return EXIT.ok;
  }
  const width = screenWidth(context.environment);
  const hasRoles = width === undefined || width >= ROLES_WIDTH;
  const header = ["id", ...(hasRoles ? ["for"] : []), "size", "forms", "state", "profiles"];
  // No licence: --json has it, and pull tells it.
  const cells = rows.map((row) => [
    nameLines(row.id, width),
    ...(hasRoles ? [row.roles.join("\n")] : []),
    ownSize(row),
    (row.dtypesHere.length > 0 ? row.dtypesHere : row.cost.dtypes).join(" "),
    row.state,
    row.profiles.join("\n") || "-",
  ]);
  const { text, gone } = fittedTable(header, cells, {
    width,
    spare: (column) => ["profiles", "forms"].indexOf(header[column]!) + 1,
    right: new Set([header.indexOf("size")]),
  });
  const noRoom = noRoomText(gone, "a wider screen or --json has them", width);
  context.print(`${text}${noRoom}\n${profileTable(costs, width)}`);
  return EXIT.ok;
}

/** Of what is here, or of what a pull brings. */
function ownSize({ cost, sizeBytes, state }: Row): string {
  if (state === "embedded") return sizeText(sizeBytes ?? undefined);
  if (state !== "absent" && cost.hereBytes > 0) return sizeText(cost.hereBytes);
  if (cost.kind === "imported") return "to import";
  return sizeText(cost.plan?.result, cost.plan?.isExact);
}

/** Bytes of the whole model where they are known, else of what was pulled of it. */
function knownSize(directory: string, model: CatalogModel): number | null {
  const locked = lockedFiles(directory, model);
  const sizes = model.files.map(({ path, size }) => size ?? locked.get(path)?.size);
  const known = sizes.filter((size) => size !== undefined);
  const isEnough =
    (sizes.length > 0 && known.length === sizes.length) || modelState(directory, model) === "here";
  return isEnough ? known.reduce((sum, size) => sum + size, 0) : null;
}
