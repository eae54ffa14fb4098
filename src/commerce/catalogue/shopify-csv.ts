/**
 * Shopify's product CSV to drafts: one row a variant, further rows of the same handle for more variants and images.
 * Everything that is wrong is told, with its line; a product without an error comes out even when others have one.
 *
 * The rules take rows one by one and keep only what they need to go on, so whoever feeds them may pause between two
 * rows. A product begins at the first row of its handle and ends where another handle begins or the file does.
 * `adapters/csv/read.ts` makes the rows from text; shopify-columns.ts says which columns there are.
 */
import { type Complaint, complaintList } from "./complaints.ts";
import { derivedSku } from "./derived-sku.ts";
import type { ProductDraft, ProductImage, SellingPolicy, VariantDraft } from "./product.ts";
import {
  type Cell,
  type Component,
  limits,
  readBoolean,
  readBundle,
  readDate,
  readGrams,
  readHandle,
  readLine,
  readMoment,
  readMoney,
  readPolicy,
  readSrc,
  readStatus,
  readTags,
  readText,
  readWhole,
  shown,
  unguardFormula,
} from "./shopify-cells.ts";
import { columnName, readShopifyHeader, type ShopifyField, type ShopifyHeader } from "./shopify-columns.ts";

/** A row of a file as its reader found it; the first one holds the columns' names. */
export type TableRow = {
  /** The line of the file, from 1, on which the row starts. */
  readonly line: number;
  readonly cells: readonly string[];
  /** Why the row could not be read to its end, or null. */
  readonly fault: string | null;
};

export type ShopifyCsvOptions = {
  /** The shop's currency: prices are written in it, without saying so. */
  readonly currency: string;
  /** A product that is published without a moment is published at this one. */
  readonly nowMs: number;
  /** Whether the shop already has a SKU, for bundles whose parts are not in the file. Without it, none is known. */
  readonly hasSku?: (sku: string) => boolean;
};

export type ShopifyCsvReading = {
  /** The products in which no error was found, in the file's order: these can be imported. */
  readonly products: readonly ProductDraft[];
  /** Errors and warnings by line, at most `complaintsMax` of them; the counts below hold all. */
  readonly complaints: readonly Complaint[];
  readonly errors: number;
  readonly warnings: number;
  /** Products left out because of an error. */
  readonly refused: number;
  /** Rows after the first. */
  readonly rows: number;
};

export type ShopifyCsvReader = {
  take(row: TableRow): void;
  finish(): ShopifyCsvReading;
};

/** Reads all rows in one go; `onProgress` hears the number of rows read after every thousand, and at the end. */
export function readShopifyCsv(
  rows: Iterable<TableRow>,
  options: ShopifyCsvOptions & { readonly onProgress?: (rowsRead: number) => void },
): ShopifyCsvReading {
  const reader = shopifyCsvReader(options);
  let rowsRead = 0;
  for (const row of rows) {
    reader.take(row);
    rowsRead += 1;
    if (rowsRead % 1_000 === 0) options.onProgress?.(rowsRead);
  }
  options.onProgress?.(rowsRead);
  return reader.finish();
}

/** "continue" in Shopify has no end; this many units beyond the stock is as good as none. */
const allowanceWithoutEnd = 1_000_000;

/** A product whose rows are still coming in. */
type OpenProduct = {
  readonly handle: string;
  readonly line: number;
  readonly draft: Omit<ProductDraft, "images" | "variants">;
  readonly images: { readonly image: ProductImage; readonly position: number }[];
  readonly variants: VariantDraft[];
  readonly combinations: Map<string, number>;
};

/** What is only known to be right when the whole file has been read. */
type Bundle = {
  readonly line: number;
  readonly handle: string;
  readonly sku: string;
  readonly parts: readonly Component[];
};

/** A reader of one file. After `finish` it is used up. */
export function shopifyCsvReader({ currency, nowMs, hasSku }: ShopifyCsvOptions): ShopifyCsvReader {
  const complaints = complaintList();
  const refused = new Set<string>();
  const finished: ProductDraft[] = [];
  const lineByHandle = new Map<string, number>();
  const placeBySku = new Map<string, { readonly line: number; readonly handle: string; readonly isBundle: boolean }>();
  const bundles: Bundle[] = [];
  /** Things that are said once for the file, with the line they first stood on and how often. */
  const remarks = new Map<string, { line: number; count: number; column: string; say: (count: number) => string }>();

  let header: ShopifyHeader | undefined;
  let isReadable = false;
  let open: OpenProduct | undefined;
  /** The handle of the row before, when it could be read: a row without one most likely belongs to it. */
  let lastHandle: string | null = null;
  let rows = 0;
  let row: TableRow = { line: 1, cells: [], fault: null };

  const named = (field: ShopifyField): string => {
    const place = header?.places.get(field);
    return (place === undefined ? undefined : header?.written[place]) ?? columnName(field);
  };
  const complain = (severity: Complaint["severity"], column: string, message: string, handle = lastHandle) => {
    complaints.add({ line: row.line, column, severity, message, handle });
    if (severity === "error" && handle !== null) refused.add(handle);
  };
  const remark = (key: string, column: string, say: (count: number) => string) => {
    const known = remarks.get(key);
    if (known === undefined) remarks.set(key, { line: row.line, count: 1, column, say });
    else known.count += 1;
  };
  const has = (field: ShopifyField): boolean => header?.places.has(field) ?? false;
  const verbatim = (field: ShopifyField): string => {
    const place = header?.places.get(field);
    return place === undefined ? "" : unguardFormula(row.cells[place] ?? "");
  };
  const cell = (field: ShopifyField): string => {
    const place = header?.places.get(field);
    return place === undefined ? "" : unguardFormula((row.cells[place] ?? "").trim());
  };
  /** The cell's value; what an empty or a wrong cell stands for is `otherwise`, and a wrong one is told. */
  const value = <Value, Otherwise>(
    field: ShopifyField,
    read: (text: string) => Cell<Value>,
    otherwise: Otherwise,
  ): Value | Otherwise => {
    const text = cell(field);
    if (text === "") return otherwise;
    const answer = read(text);
    if (answer.ok) return answer.value;
    complain("error", named(field), answer.reason);
    return otherwise;
  };
  const line = (field: ShopifyField): string => value(field, (text) => readLine(text, limits.text), "");

  const takeHeader = () => {
    header = readShopifyHeader(row.cells);
    isReadable = row.fault === null;
    if (row.fault !== null) complain("error", "", row.fault, null);
    for (const field of ["handle", "title", "price"] as const) {
      if (has(field)) continue;
      isReadable = false;
      const isOtherwiseSeparated = row.cells.length === 1 && /[;\t]/.test(row.cells[0] ?? "");
      const hint = isOtherwiseSeparated ? "; the columns must be separated by commas" : "";
      complain("error", columnName(field), `the file has no column ${columnName(field)}${hint}`, null);
    }
    for (const name of header.repeated) {
      complain("warning", name, "the file has this column twice: the first one counts", null);
    }
    const beyond = header.unknown.filter((name) => /^option\s*(?!0*[123]\b)\d+ /i.test(name));
    if (beyond.length > 0) {
      isReadable = false;
      complain("error", beyond.join(", "), "a product has three options at most", null);
    }
    const unknown = header.unknown.filter((name) => !beyond.includes(name));
    if (unknown.length > 0) {
      complain("warning", unknown.join(", "), "neither Shopify nor Spillway has such columns: they are not read", null);
    }
  };

  const takeRow = () => {
    const text = cell("handle");
    const handle = text === "" ? undefined : readHandle(text);
    if (handle?.ok === true) lastHandle = handle.value;
    else if (handle !== undefined || cell("title") !== "") lastHandle = null;

    if (row.fault !== null) return complain("error", "", row.fault);
    if (row.cells.slice(header?.written.length).some((extra) => extra.trim() !== "")) {
      const counts = `the row has ${row.cells.length} cells, the first line names ${header?.written.length} columns`;
      return complain("error", "", `${counts}: a comma too many, or quotes are missing`);
    }
    if (handle === undefined)
      return complain("error", named("handle"), "is empty: every row needs its product's handle");
    if (!handle.ok) return complain("error", named("handle"), handle.reason);

    if (open?.handle !== handle.value) {
      close();
      open = openProduct(handle.value);
      if (text !== handle.value) {
        complain(
          "warning",
          named("handle"),
          `${shown(text)} is read as ${shown(handle.value)}: addresses have no capitals`,
        );
      }
    } else checkRepeated(open);
    const isFirst = open.line === row.line;
    const src = takeImage(open);
    if (isFirst || isVariantRow()) takeVariant(open);
    else if (src === null) complain("warning", "", "the row has a handle and nothing else that is read");
    for (const place of header?.notKept ?? []) {
      const name = header?.written[place] ?? "";
      if ((row.cells[place] ?? "").trim() !== "") {
        remark(
          name,
          name,
          (count) => `Spillway does not keep this column; ${counted(count, "row")} had something in it`,
        );
      }
    }
  };

  /** Begins a product, or an unnamed continuation of one whose rows stand apart. */
  const openProduct = (handle: string): OpenProduct => {
    const earlier = lineByHandle.get(handle);
    if (earlier === undefined) lineByHandle.set(handle, row.line);
    else {
      const message = `the rows of ${shown(handle)} do not stand together: they begin on line ${earlier}`;
      complain("error", named("handle"), message);
    }
    if (cell("title") === "" && earlier === undefined) {
      complain("error", named("title"), "is empty: the first row of a product needs its title");
    }
    if (value("giftCard", readBoolean, false)) {
      complain("error", named("giftCard"), "gift cards are not sold by Spillway");
    }
    const draft = {
      handle,
      title: line("title"),
      descriptionHtml: description(),
      vendor: line("vendor"),
      type: line("type"),
      tags: value("tags", readTags, []),
      publishedAtMs: publishedAtMs(),
      optionNames: optionNames(),
      seoTitle: line("seoTitle"),
      seoDescription: value("seoDescription", (text) => readText(text, limits.seoDescription), ""),
    };
    return { handle, line: row.line, draft, images: [], variants: [], combinations: new Map() };
  };

  /** The description as it was written, outer spaces and all: it is the merchant's HTML. */
  const description = (): string => {
    const read = readText(verbatim("descriptionHtml"), limits.descriptionHtml);
    if (read.ok) return read.value;
    complain("error", named("descriptionHtml"), read.reason);
    return "";
  };

  const publishedAtMs = (): number | null => {
    const isPublished = value("published", readBoolean, true);
    const status = value("status", readStatus, "visible");
    const atMs = value("publishedAt", readMoment, null);
    if (status === "hidden") return null;
    if (isPublished) return atMs ?? nowMs;
    if (atMs === null || atMs > nowMs) return atMs;
    const message = `${named("published")} is FALSE, so the product is hidden although this moment has passed`;
    complain("warning", named("publishedAt"), message);
    return null;
  };

  const optionNames = (): string[] => {
    const written = [line("option1Name"), line("option2Name"), line("option3Name")];
    const count = written.findLastIndex((name) => name !== "") + 1;
    const gap = written.slice(0, count).indexOf("");
    if (gap !== -1) complain("error", `Option${gap + 1} Name`, "is empty, and a later option has a name");
    const used = written.slice(0, count);
    if (new Set(used.map((name) => name.toLowerCase())).size < used.length && gap === -1) {
      complain("error", named("option1Name"), `two options have the same name: ${used.join(", ")}`);
    }
    return used;
  };

  /** Some tools write the product's cells on each of its rows: that is fine as long as they say the same. */
  const checkRepeated = ({ draft }: OpenProduct) => {
    const title = cell("title");
    if (title !== "" && title !== draft.title) {
      complain("warning", named("title"), `${shown(title)} differs from the product's first row, which counts`);
    }
    for (const [index, field] of (["option1Name", "option2Name", "option3Name"] as const).entries()) {
      const name = cell(field);
      if (name !== "" && name !== draft.optionNames[index]) {
        complain("error", named(field), `${shown(name)} differs from the product's first row`);
      }
    }
  };

  /** Weight, policy and the like stand in image rows too, written by tools; these mean a variant. */
  const isVariantRow = (): boolean =>
    (["option1Value", "option2Value", "option3Value", "sku", "price", "quantity", "barcode"] as const).some(
      (field) => cell(field) !== "",
    );

  const takeImage = ({ images }: OpenProduct): string | null => {
    const src = value("imageSrc", readSrc, null);
    const position = value("imagePosition", (text) => readWhole(text, 0), images.length + 1);
    const alt = value("imageAlt", (text) => readText(text, limits.alt), "");
    const width = value("imageWidth", (text) => readWhole(text, 1, 100_000), null);
    const height = value("imageHeight", (text) => readWhole(text, 1, 100_000), null);
    if (src === null || images.some(({ image }) => image.src === src)) return src;
    if (images.length === limits.images) {
      complain("error", named("imageSrc"), `a product has ${limits.images} images at most`);
    } else images.push({ image: { src, alt, width, height }, position });
    return src;
  };

  const takeVariant = (product: OpenProduct) => {
    const options = optionValues(product);
    const sku = value("sku", (text) => readLine(text, limits.sku), null) ?? derivedSku(product.handle, options);
    const price = value("price", (text) => readMoney(text, currency), null);
    if (cell("price") === "") complain("error", named("price"), "is empty: every variant needs a price");
    const compareAt = value("compareAt", (text) => readMoney(text, currency), null) || null;
    if (price !== null && compareAt !== null && compareAt < price) {
      complain("warning", named("compareAt"), "is below the price, so it is not a price to compare with");
    }
    const components = value("bundle", readBundle, []);
    const isBundle = components.length > 0;
    const known = placeBySku.get(sku);
    if (known === undefined) placeBySku.set(sku, { line: row.line, handle: product.handle, isBundle });
    else complain("error", named("sku"), `${shown(sku)} stands on line ${known.line} already`);
    if (isBundle) bundles.push({ line: row.line, handle: product.handle, sku, parts: components });
    if (product.variants.length === limits.variants) {
      complain("error", "", `a product has ${limits.variants} variants at most`);
      return;
    }
    product.variants.push({
      sku,
      options,
      price: price ?? 0,
      compareAt,
      barcode: line("barcode"),
      grams: value("grams", readGrams, 0),
      taxable: value("taxable", readBoolean, !has("taxable")),
      requiresShipping: value("requiresShipping", readBoolean, !has("requiresShipping")),
      policy: policy(),
      purchaseLimit: value("purchaseLimit", (text) => readWhole(text, 1), null),
      image: value("variantImage", readSrc, null),
      onHand: onHand(isBundle),
      components,
    });
  };

  const optionValues = (product: OpenProduct): string[] => {
    const names = product.draft.optionNames;
    const fields = ["option1Value", "option2Value", "option3Value"] as const;
    const values = fields.map(line);
    for (const [index, field] of fields.entries()) {
      const name = names[index];
      if (values[index] === "" && name !== undefined && name !== "") {
        complain("error", named(field), `is empty: the variant needs its ${shown(name)}`);
      } else if (values[index] !== "" && name === undefined) {
        complain("error", named(field), `${shown(values[index] ?? "")} is the value of an option without a name`);
      }
    }
    const options = values.slice(0, names.length);
    const combination = options.map((option) => option.toLowerCase()).join("\n");
    const earlier = product.combinations.get(combination);
    if (earlier === undefined) product.combinations.set(combination, row.line);
    else {
      const what = names.length === 0 ? "a product without options has one variant" : shown(options.join(" / "));
      complain("error", named("option1Value"), `${what}: stands on line ${earlier} already`);
    }
    return options;
  };

  const policy = (): SellingPolicy => {
    const kind = value("policy", readPolicy, "deny");
    const allowance = value("allowance", (text) => readWhole(text, 0), null);
    const shipsOn = value("shipsOn", readDate, null);
    if (kind === "deny") {
      for (const field of ["allowance", "shipsOn"] as const) {
        if (cell(field) === "") continue;
        complain("error", named(field), `goes with ${named("policy")} “continue” only`);
      }
      return { kind };
    }
    if (allowance === null) {
      remark("continue", named("policy"), (count) => {
        const unbounded = `${counted(count, "variant")} sell on without end when the stock is gone, as in Shopify`;
        return `${unbounded}; ${columnName("allowance")} sets an end`;
      });
    }
    const units = allowance ?? allowanceWithoutEnd;
    if (shipsOn === null) return { kind: "backorder", allowance: units };
    if (Date.parse(`${shipsOn}T23:59:59Z`) < nowMs) complain("warning", named("shipsOn"), `${shipsOn} has passed`);
    return { kind: "preorder", allowance: units, shipsOn };
  };

  const onHand = (isBundle: boolean): number | null => {
    const quantity = value("quantity", (text) => readWhole(text, 0), null);
    if (isBundle) {
      if (quantity !== null) complain("warning", named("quantity"), "a bundle has the stock of its parts: not read");
      return null;
    }
    if (has("tracker") && cell("tracker") === "") {
      remark("tracker", named("tracker"), (count) => {
        const untracked = `Shopify does not count the stock of ${counted(count, "variant")}`;
        return `${untracked}; Spillway counts all and takes ${named("quantity")}`;
      });
    }
    return quantity;
  };

  /** Ends the product whose rows came in last. */
  const close = () => {
    if (open === undefined) return;
    const { draft, variants } = open;
    const images = open.images.toSorted((a, b) => a.position - b.position).map(({ image }) => image);
    // Shopify shows a variant's picture among the product's even when only the variant names it.
    for (const { image } of variants) {
      if (image === null || images.some(({ src }) => src === image)) continue;
      images.push({ src: image, alt: "", width: null, height: null });
    }
    // Shopify has no product without options: it writes one option, Title, with one value, Default Title.
    const isPlain = variants.length === 1 && draft.optionNames.length === 1 && draft.optionNames[0] === "Title";
    if (isPlain && variants[0]?.options[0] === "Default Title") {
      const sku = variants[0].sku === derivedSku(draft.handle, ["Default Title"]) ? draft.handle : variants[0].sku;
      finished.push({ ...draft, optionNames: [], images, variants: [{ ...variants[0], sku, options: [] }] });
    } else finished.push({ ...draft, images, variants });
    open = undefined;
  };

  /** A bundle's parts may stand after it in the file, so they are looked at last. */
  const checkBundles = () => {
    for (const bundle of bundles) {
      row = { line: bundle.line, cells: [], fault: null };
      for (const { sku } of bundle.parts) {
        const part = placeBySku.get(sku);
        const say = (severity: Complaint["severity"], message: string) =>
          complain(severity, named("bundle"), message, bundle.handle);
        if (sku === bundle.sku) say("error", "a bundle cannot be a part of itself");
        else if (part?.isBundle === true) say("error", `${shown(sku)} is a bundle itself`);
        else if (part !== undefined && refused.has(part.handle)) {
          say("error", `its part ${shown(sku)} is left out (line ${part.line})`);
        } else if (part === undefined && hasSku === undefined) {
          say("warning", `${shown(sku)} is not in the file: the shop must have it already`);
        } else if (part === undefined && hasSku?.(sku) === false) {
          say("error", `neither the file nor the shop has ${shown(sku)}`);
        }
      }
    }
  };

  return {
    take(next) {
      row = next;
      if (header === undefined) return takeHeader();
      rows += 1;
      if (isReadable && row.cells.concat(row.fault ?? "").some((text) => text.trim() !== "")) takeRow();
    },
    finish() {
      row = { line: 1, cells: [], fault: null };
      if (header === undefined) complain("error", "", "the file is empty", null);
      close();
      checkBundles();
      for (const { line: at, count, column, say } of remarks.values()) {
        complaints.add({ line: at, column, severity: "warning", message: say(count), handle: null });
      }
      return {
        products: finished.filter(({ handle }) => !refused.has(handle)),
        complaints: complaints.listed(),
        ...complaints.counted(),
        refused: refused.size,
        rows,
      };
    },
  };
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
