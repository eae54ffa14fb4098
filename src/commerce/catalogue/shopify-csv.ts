/**
 * Shopify's product CSV to drafts: one row a variant, further rows of the same handle for more variants and images.
 * Everything that is wrong is told, with its line; a product without an error comes out even when others have one.
 *
 * The rules take rows one by one and keep only what they need to go on, so whoever feeds them may pause between two
 * rows. A product begins at the first row of its handle and ends where another handle begins or the file does.
 * `adapters/csv/read.ts` makes the rows from text; shopify-columns.ts says which columns there are.
 */
import { type Complaint, ComplaintList } from "./complaints.ts";
import type { ProductDraft, ProductImage, VariantDraft } from "./product.ts";
import { type Component, limits, readHandle, shown } from "./shopify-cells.ts";
import { columnName, readShopifyHeader, type ShopifyHeader } from "./shopify-columns.ts";
import {
  isDefaultTitle,
  isVariantRow,
  optionNameFields,
  type ProductHead,
  readImage,
  readProductHead,
  readVariant,
} from "./shopify-product.ts";
import { counted, ShopifyRow, type TableRow } from "./shopify-row.ts";

export type ShopifyCsvOptions = {
  /** The shop's currency: a file's prices are in it, without saying so. */
  readonly currency: string;
  /** A product that is published without a moment is published at this one. */
  readonly nowMs: number;
  /** Whether the shop has a SKU already, for bundles with parts outside the file; without it, that is a warning. */
  readonly hasSku?: (sku: string) => boolean;
};

export type ShopifyCsvReading = {
  /** The products in which no error was found, in the file's order: these can be imported. */
  readonly products: readonly ProductDraft[];
  /** Errors and warnings by line, at most `complaintsMax` of them; the counts beside hold all. */
  readonly complaints: readonly Complaint[];
  readonly errors: number;
  readonly warnings: number;
  /** Products left out because of an error. */
  readonly refused: number;
  /** Rows after the first. */
  readonly rows: number;
};

/** Reads all rows in one go; `onProgress` hears the number of rows read after every thousand, and at the end. */
export function readShopifyCsv(
  rows: Iterable<TableRow>,
  options: ShopifyCsvOptions & { readonly onProgress?: (rowsRead: number) => void },
): ShopifyCsvReading {
  const reader = new ShopifyCsvReader(options);
  let rowsRead = 0;
  for (const row of rows) {
    reader.take(row);
    rowsRead += 1;
    if (rowsRead % 1_000 === 0) options.onProgress?.(rowsRead);
  }
  options.onProgress?.(rowsRead);
  return reader.finish();
}

/** A product whose rows are still coming in. */
type OpenProduct = {
  readonly head: ProductHead;
  readonly images: { readonly image: ProductImage; readonly position: number }[];
  readonly variants: VariantDraft[];
  /** Lines by option values. */
  readonly combinations: Map<string, number>;
};

/** Reads one file row by row, the columns' names first; after `finish` it is used up. */
export class ShopifyCsvReader {
  readonly #options: ShopifyCsvOptions;
  readonly #complaints = new ComplaintList();
  readonly #finished: ProductDraft[] = [];
  readonly #starts = new Map<string, { readonly line: number; readonly optionNames: readonly string[] }>();
  readonly #skus = new Map<string, { readonly line: number; readonly handle: string; readonly isBundle: boolean }>();
  readonly #bundles: { readonly row: ShopifyRow; readonly sku: string; readonly parts: readonly Component[] }[] = [];
  #header: ShopifyHeader | undefined;
  #isReadable = false;
  #open: OpenProduct | undefined;
  /** The product of the row before: a row without a handle most likely belongs to it. */
  #lastHandle: string | null = null;
  #rows = 0;

  constructor(options: ShopifyCsvOptions) {
    this.#options = options;
  }

  take(row: TableRow): void {
    if (this.#header === undefined) {
      this.#takeHeader(row);
      return;
    }
    this.#rows += 1;
    const isEmpty = row.fault === null && row.cells.every((cell) => cell.trim() === "");
    if (this.#isReadable && !isEmpty) this.#takeRow(new ShopifyRow(row, this.#header, this.#complaints), row.fault);
  }

  finish(): ShopifyCsvReading {
    if (this.#header === undefined) this.#complainOfFile("error", "", "the file is empty");
    this.#close();
    this.#checkBundles();
    return {
      products: this.#finished.filter(({ handle }) => !this.#complaints.isRefused(handle)),
      ...this.#complaints.summary(),
      rows: this.#rows,
    };
  }

  #takeHeader(row: TableRow): void {
    const header = readShopifyHeader(row.cells);
    this.#header = header;
    this.#isReadable = row.fault === null;
    if (row.fault !== null) this.#complainOfFile("error", "", row.fault);
    const isOtherwiseSeparated = row.cells.length === 1 && /[;\t]/.test(row.cells[0] ?? "");
    for (const field of ["handle", "title", "price"] as const) {
      if (header.places.has(field)) continue;
      this.#isReadable = false;
      const hint = isOtherwiseSeparated ? ": save it with commas between the columns" : "";
      this.#complainOfFile("error", columnName(field), `the file has no such column${hint}`);
    }
    for (const name of header.repeated) {
      this.#complainOfFile("warning", name, "the file has this column twice: the first one counts");
    }
    if (header.unknown.length > 0) {
      const message = "neither Shopify nor Spillway has such columns: they are not read";
      this.#complainOfFile("warning", header.unknown.join(", "), message);
    }
  }

  #takeRow(row: ShopifyRow, fault: string | null): void {
    const text = row.cell("handle");
    const handle = text === "" ? undefined : readHandle(text);
    if (handle?.ok === true) this.#lastHandle = handle.value;
    else if (handle !== undefined || row.cell("title") !== "") this.#lastHandle = null;
    row.handle = this.#lastHandle;

    const columns = this.#header?.written.length ?? 0;
    if (fault !== null) row.error(null, fault);
    else if (row.cells.slice(columns).some((extra) => extra.trim() !== "")) {
      const counts = `the row has ${row.cells.length} cells and the first line ${columns} columns`;
      row.error(null, `${counts}: a comma too many, or quotes are missing`);
    } else if (handle === undefined) row.error("handle", "is empty: every row needs the handle of its product");
    else if (!handle.ok) row.error("handle", handle.reason);
    else this.#takeSoundRow(row, handle.value, text);
  }

  #takeSoundRow(row: ShopifyRow, handle: string, asWritten: string): void {
    let product = this.#open;
    const isFirst = product?.head.handle !== handle;
    if (product === undefined || isFirst) {
      this.#close();
      product = this.#begin(row, handle);
      if (asWritten !== handle) {
        row.warn("handle", `${shown(asWritten)} is read as ${shown(handle)}: addresses have no capitals`);
      }
    } else this.#checkRepeated(row, product);

    const hasImage = this.#takeImage(row, product);
    if (isFirst || isVariantRow(row)) this.#takeVariant(row, product);
    else if (!hasImage) row.warn(null, "the row has a handle and nothing else that is read");

    for (const name of row.filled(this.#header?.notKept ?? [])) {
      row.remark(name, (count) => `Spillway does not keep this column; ${counted(count, "row")} had something in it`);
    }
    const tooMany = row.filled(this.#header?.tooManyOptions ?? []);
    if (tooMany.length > 0) row.error(null, `${tooMany.join(", ")}: a product has three options at most`);
  }

  /** Begins a product; or goes on with one whose rows do not stand together, to find what else is wrong. */
  #begin(row: ShopifyRow, handle: string): OpenProduct {
    const head = readProductHead(row, handle, this.#options.nowMs);
    const start = this.#starts.get(handle);
    let { optionNames } = head;
    if (start === undefined) {
      this.#starts.set(handle, { line: row.line, optionNames });
      if (row.cell("title") === "") row.error("title", "is empty: the first row of a product needs its title");
    } else {
      row.error("handle", `the rows of ${shown(handle)} do not stand together: they begin on line ${start.line}`);
      if (optionNames.length === 0) optionNames = start.optionNames;
    }
    this.#open = { head: { ...head, optionNames }, images: [], variants: [], combinations: new Map() };
    return this.#open;
  }

  /** Some tools write the product's cells on each of its rows: that is fine as long as they say the same. */
  #checkRepeated(row: ShopifyRow, { head }: OpenProduct): void {
    const title = row.cell("title");
    if (title !== "" && title !== head.title) {
      row.warn("title", `${shown(title)} differs from the product's first row, which counts`);
    }
    for (const [index, field] of optionNameFields.entries()) {
      const name = row.cell(field);
      if (name !== "" && name !== head.optionNames[index]) {
        row.error(field, `${shown(name)} differs from the product's first row`);
      }
    }
  }

  #takeImage(row: ShopifyRow, { images }: OpenProduct): boolean {
    const read = readImage(row, images.length + 1);
    if (read === null) return row.cell("imageSrc") !== "";
    if (images.some(({ image }) => image.src === read.image.src)) return true;
    if (images.length < limits.images) images.push(read);
    else row.error("imageSrc", `a product has ${limits.images} images at most`);
    return true;
  }

  #takeVariant(row: ShopifyRow, { head, variants, combinations }: OpenProduct): void {
    const { currency, nowMs } = this.#options;
    const variant = readVariant(row, head, currency, nowMs);
    const { sku, options, components } = variant;

    const combination = options.map((option) => option.toLowerCase()).join("\n");
    const twin = combinations.get(combination);
    if (twin === undefined) combinations.set(combination, row.line);
    else if (options.length === 0) row.error(null, `without options a product has one variant, on line ${twin}`);
    else row.error("option1Value", `${shown(options.join(" / "))} stands on line ${twin} already`);

    const known = this.#skus.get(sku);
    const isBundle = components.length > 0;
    if (known === undefined) this.#skus.set(sku, { line: row.line, handle: head.handle, isBundle });
    // A derived SKU that comes again follows from the options that come again, which has just been told.
    else if (twin === undefined || row.cell("sku") !== "") {
      row.error("sku", `${shown(sku)} stands on line ${known.line} already`);
    }
    if (isBundle) this.#bundles.push({ row, sku, parts: components });

    if (variants.length < limits.variants) variants.push(variant);
    else row.error(null, `a product has ${limits.variants} variants at most`);
  }

  /** Ends the product whose rows came in last. */
  #close(): void {
    if (this.#open === undefined) return;
    const { head, variants } = this.#open;
    const images = this.#open.images.toSorted((a, b) => a.position - b.position).map(({ image }) => image);
    // Shopify shows a variant's picture among the product's even when only the variant names it.
    for (const { image } of variants) {
      if (image === null || images.some(({ src }) => src === image)) continue;
      images.push({ src: image, alt: "", width: null, height: null });
    }
    const [only] = variants;
    if (only !== undefined && variants.length === 1 && isDefaultTitle(head.optionNames, only.options)) {
      this.#finished.push({ ...head, optionNames: [], images, variants: [{ ...only, options: [] }] });
    } else this.#finished.push({ ...head, images, variants });
    this.#open = undefined;
  }

  /** A bundle's parts may stand after it in the file, so they are looked at last. */
  #checkBundles(): void {
    const { hasSku } = this.#options;
    for (const bundle of this.#bundles) {
      for (const { sku } of bundle.parts) {
        const part = this.#skus.get(sku);
        if (sku === bundle.sku) bundle.row.error("bundle", "a bundle cannot be a part of itself");
        else if (part?.isBundle === true) bundle.row.error("bundle", `${shown(sku)} is a bundle itself`);
        else if (part !== undefined && this.#complaints.isRefused(part.handle)) {
          bundle.row.error("bundle", `its part ${shown(sku)} is left out (line ${part.line})`);
        } else if (part === undefined && hasSku === undefined) {
          bundle.row.warn("bundle", `${shown(sku)} is not in the file: the shop must have it already`);
        } else if (part === undefined && hasSku?.(sku) === false) {
          bundle.row.error("bundle", `neither the file nor the shop has ${shown(sku)}`);
        }
      }
    }
  }

  #complainOfFile(severity: Complaint["severity"], column: string, message: string): void {
    this.#complaints.add({ line: 1, column, severity, message, handle: null });
  }
}
