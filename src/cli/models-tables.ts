import { wrapped } from "./fit.ts";
import { type CostTotal, isHere, type ModelCost, totalCost } from "./model-costs.ts";
import { fittedTable, noRoomText } from "./table.ts";

const ABOUT = "~";

/** Of three digits; nothing at all is no size. */
export function sizeText(bytes: number | undefined, isExact = true): string {
  if (bytes === undefined) return "?";
  if (bytes === 0) return "-";
  const unit = bytes >= 1e9 ? "GB" : bytes >= 1e6 ? "MB" : "kB";
  const amount = bytes / { GB: 1e9, MB: 1e6, kB: 1e3 }[unit];
  const digits = amount < 10 ? 2 : amount < 100 ? 1 : 0;
  return `${isExact ? "" : ABOUT}${amount.toFixed(digits)} ${unit}`;
}

/** Columns of what models take, which both tables end with. */
const SIZES = ["download", "on disk", "at peak", "GPU", "CPU"] as const;
/** What goes first where a screen is narrow; what is not named stays. */
const SPARE: Readonly<Record<string, number>> = {
  forms: 5,
  CPU: 4,
  "at peak": 3,
  GPU: 2,
  "on disk": 1,
};

function sizeCells(cost: ModelCost): string[] {
  const { webgpu, cpu } = cost.memory;
  return [...storeCells(cost), sizeText(webgpu?.bytes, webgpu?.isExact), sizeText(cpu?.bytes, cpu?.isExact)];
}

/** What is fetched, what lies on the disk then, and what is needed for a while. */
function storeCells(cost: ModelCost): string[] {
  const { kind, plan, hereBytes } = cost;
  if (kind === "inside") return ["inside", "-", "-"];
  if (isHere(cost)) return ["here", sizeText(hereBytes), "-"];
  if (kind === "imported") return ["to import", "?", "-"];
  if (plan === undefined) return ["?", "?", "?"];
  return [
    sizeText(plan.download, plan.isExact),
    sizeText(plan.result + hereBytes, plan.isResultExact),
    sizeText(plan.peak, plan.isResultExact),
  ];
}

function totalCells(total: CostTotal): string[] {
  const { download, disk, peak, isExact, isResultExact, isPartial } = total;
  const { webgpu, cpu } = total.memory;
  return [
    sizeText(download, isExact),
    sizeText(disk, isResultExact),
    sizeText(peak, isResultExact),
    sizeText(webgpu.bytes, webgpu.isExact),
    sizeText(cpu.bytes, cpu.isExact),
  ].map((cell) => (isPartial ? `${cell}+` : cell));
}

/** A name in lines that end at its hyphens, where a screen has no room for the whole of it. */
export function nameLines(id: string, width: number | undefined): string {
  const most = width === undefined || width > 110 ? Number.POSITIVE_INFINITY : width >= 100 ? 24 : 20;
  const lines = [""];
  for (const part of id.split(/(?<=-)/)) {
    if (lines.at(-1) !== "" && `${lines.at(-1)}${part}`.length > most) lines.push("");
    lines[lines.length - 1] += part;
  }
  return lines.join("\n");
}

/** From here on there is room for what each model is for. */
const ROLES_WIDTH = 100;

/** What each model takes, and all of them. */
export function costTable(
  costs: readonly ModelCost[],
  { width, keepsSource = false }: { width: number | undefined; keepsSource?: boolean },
): string {
  const hasRoles = width === undefined || width >= ROLES_WIDTH;
  const rolesCell = (roles: readonly string[]): string[] => (hasRoles ? [roles.join("\n")] : []);
  const rows = costs.map((cost) => [
    nameLines(cost.id, width),
    ...rolesCell(cost.roles),
    cost.dtypes.join(" "),
    ...sizeCells(cost),
  ]);
  const total = totalCells(totalCost(costs, keepsSource));
  if (costs.length > 1) rows.push(["total", ...rolesCell([]), "", ...total]);
  const header = ["model", ...(hasRoles ? ["for"] : []), "forms", ...SIZES];
  return sizesTable(header, rows, width);
}

/** What the models of each profile take together. */
export function profileTable(
  profiles: readonly { name: string; costs: readonly ModelCost[] }[],
  width: number | undefined,
): string {
  const rows = profiles.map(({ name, costs }) => {
    const total = totalCost(costs);
    return [name, `${total.here} of ${costs.length} here`, ...totalCells(total)];
  });
  return sizesTable(["profile", "models", ...SIZES], rows, width);
}

/** Of sentences below a table where nobody tells how wide a screen is. */
const NOTE_WIDTH = 100;
const ON_DEVICES =
  "GPU: weights there, and a batch of answers takes some more. CPU: memory at most, while it loads.";
const ESTIMATED = `${ABOUT} is estimated.`;

function sizesTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string {
  const { text, gone } = fittedTable(header, rows, {
    width,
    spare: (column) => SPARE[header[column]!] ?? 0,
    right: new Set(header.keys().filter((column) => column >= header.length - SIZES.length)),
  });
  const isEstimated = rows.some((row) => row.some((cell) => cell.startsWith(ABOUT)));
  const note = wrapped(isEstimated ? `${ESTIMATED} ${ON_DEVICES}` : ON_DEVICES, width ?? NOTE_WIDTH);
  return `${text}${noRoomText(gone, "a wider screen has them", width)}${note}\n`;
}
