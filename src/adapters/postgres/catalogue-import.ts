/**
 * Many products at once, in one transaction: thousands of them in seconds, since no statement here is about one.
 *
 *   products, chunk by chunk -> what they bring, beside the tables -> variants, prices, bundles -> (locks) -> stock -> commit
 *
 * Stock is locked last and in the order of the order path, so that orders wait for milliseconds, not for the import.
 *
 * A variant that its product's draft no longer has goes without a trace if it never had any: no unit counted, no order,
 * part of no bundle. Otherwise it is kept for those and no longer listed, until a later import has its SKU again.
 */
import type { TransactionSQL } from "bun";
import type { ImportReport } from "#commerce/catalogue/ports.ts";
import type { ProductDraft, VariantDraft } from "#commerce/catalogue/product.ts";
import { SpillwayError } from "#kernel/error.ts";
import { numbers, query } from "./database.ts";
import { jsonOf } from "./json.ts";
import importBegin from "./sql/import-begin.sql" with { type: "text" };
import importComponents from "./sql/import-components.sql" with { type: "text" };
import clearComponents from "./sql/import-components-clear.sql" with { type: "text" };
import bringComponents from "./sql/import-components-incoming.sql" with { type: "text" };
import findMissingComponents from "./sql/import-components-missing.sql" with { type: "text" };
import findNestedBundles from "./sql/import-components-nested.sql" with { type: "text" };
import findGone from "./sql/import-gone.sql" with { type: "text" };
import deleteGone from "./sql/import-gone-delete.sql" with { type: "text" };
import removeGone from "./sql/import-gone-remove.sql" with { type: "text" };
import unlistGone from "./sql/import-gone-unlist.sql" with { type: "text" };
import importLevels from "./sql/import-levels.sql" with { type: "text" };
import lockStock from "./sql/import-lock.sql" with { type: "text" };
import importPolicies from "./sql/import-policies.sql" with { type: "text" };
import importPrices from "./sql/import-prices.sql" with { type: "text" };
import importProductRows from "./sql/import-products.sql" with { type: "text" };
import importStock from "./sql/import-stock.sql" with { type: "text" };
import findStockConflicts from "./sql/import-stock-conflicts.sql" with { type: "text" };
import findStrangers from "./sql/import-strangers.sql" with { type: "text" };
import importVariants from "./sql/import-variants.sql" with { type: "text" };
import bringVariants from "./sql/import-variants-incoming.sql" with { type: "text" };
import notifyStock from "./sql/notify-stock.sql" with { type: "text" };

const chunkSize = 250;

/** The caller's transaction holds the catalogue's lock. Errors: `invalid_request` and `stock_conflict`, one sentence each. */
export async function importProducts(
  transaction: TransactionSQL,
  products: readonly ProductDraft[],
  onProgress: (done: number) => void = () => undefined,
): Promise<ImportReport> {
  refuseTwins(products);
  await transaction.unsafe(importBegin).simple();
  const report = { created: 0, updated: 0 };
  for (let start = 0; start < products.length; start += chunkSize) {
    const chunk = products.slice(start, start + chunkSize);
    const written = await query<{ id: number; handle: string; is_new: boolean }>(transaction, importProductRows, [
      jsonOf(chunk.map((product, index) => ({ place: index, ...product, variants: undefined }))),
    ]);
    const idByHandle = new Map(written.map(({ handle, id }) => [handle, id]));
    for (const { is_new } of written) report[is_new ? "created" : "updated"] += 1;
    const variants = chunk.flatMap((product) =>
      product.variants.map((variant, position) => incoming(idByHandle.get(product.handle), position, variant)),
    );
    await query(transaction, bringVariants, [jsonOf(variants)]);
    const components = chunk.flatMap((product) =>
      product.variants.flatMap(({ sku, components }) =>
        components.map((part) => ({ sku, component: part.sku, quantity: part.quantity })),
      ),
    );
    await query(transaction, bringComponents, [jsonOf(components)]);
    onProgress(Math.min(start + chunkSize, products.length));
  }
  // Nobody else gathers statistics on what only this transaction sees, and without them the joins below are guesses.
  await query(transaction, "analyze incoming_variants, incoming_components");

  await refuse(transaction, findStrangers, strangerSentence);
  await query(transaction, importVariants);
  await query(transaction, importPrices);
  await query(transaction, clearComponents);
  await refuse(transaction, findMissingComponents, missingSentence);
  await query(transaction, importComponents);
  await refuse(transaction, findNestedBundles, nestedSentence);

  const gone = (await query<{ id: number }>(transaction, findGone)).map(({ id }) => id);
  await query(transaction, lockStock, [numbers(gone)]);
  if (gone.length > 0) {
    const removed = (await query<{ id: number }>(transaction, removeGone, [numbers(gone)])).map(({ id }) => id);
    await query(transaction, deleteGone, [numbers(removed)]);
    await query(transaction, unlistGone, [numbers(gone)]);
  }
  await query(transaction, importLevels);
  await refuse(transaction, findStockConflicts, conflictSentence, "stock_conflict");
  await query(transaction, importPolicies, [true]);
  await query(transaction, importStock);
  await query(transaction, importPolicies, [false]);
  await query(transaction, notifyStock);
  return report;
}

const incoming = (productId: number | undefined, position: number, variant: VariantDraft) => ({
  ...variant,
  productId,
  position,
  policy: variant.policy.kind,
  allowance: variant.policy.kind === "deny" ? 0 : variant.policy.allowance,
  shipsOn: variant.policy.kind === "preorder" ? variant.policy.shipsOn : null,
  isBundle: variant.components.length > 0,
});

function refuseTwins(products: readonly ProductDraft[]): void {
  const handles = new Set<string>();
  const handleBySku = new Map<string, string>();
  for (const { handle, variants } of products) {
    if (handles.has(handle)) throw refusal(`The handle "${handle}" comes twice. Put its variants into one product.`);
    handles.add(handle);
    for (const { sku, components } of variants) {
      const other = handleBySku.get(sku);
      if (other !== undefined) {
        throw refusal(
          other === handle
            ? `The product "${handle}" has the SKU "${sku}" twice. A SKU names one variant: change one of them.`
            : `The SKU "${sku}" comes in "${other}" and in "${handle}". A SKU names one variant: change one of them.`,
        );
      }
      handleBySku.set(sku, handle);
      if (components.some((part) => part.sku === sku)) {
        throw refusal(`"${sku}" is a bundle that holds itself. A bundle holds other variants.`);
      }
    }
  }
}

/** Every row of `find` is one thing that is wrong; the first few are told. */
async function refuse<Found>(
  transaction: TransactionSQL,
  find: string,
  sentence: (found: Found) => string,
  code: "invalid_request" | "stock_conflict" = "invalid_request",
): Promise<void> {
  const found = await query<Found>(transaction, find);
  if (found.length > 0) throw refusal(`${found.map(sentence).join(" ")} Nothing was imported.`, code);
}

const refusal = (message: string, code: "invalid_request" | "stock_conflict" = "invalid_request") =>
  new SpillwayError(code, message);

const strangerSentence = ({ sku, handle, owner }: { sku: string; handle: string; owner: string }): string =>
  `The SKU "${sku}" of "${handle}" belongs to the product "${owner}" already: give one of them another SKU.`;

const missingSentence = ({ sku, component }: { sku: string; component: string }): string =>
  `The bundle "${sku}" holds "${component}", which is neither in the catalogue nor in this import.`;

const nestedSentence = ({ sku, component }: { sku: string; component: string }): string =>
  `The bundle "${sku}" holds "${component}", which is a bundle itself: name that one's parts instead.`;

function conflictSentence(found: { sku: string; promised: number; units: number; allowance: number }): string {
  const beyond = found.allowance > 0 ? ` and an allowance of ${found.allowance}` : "";
  return `"${found.sku}" would have ${found.units} units${beyond} for ${found.promised} that are already promised: cancel orders first.`;
}
