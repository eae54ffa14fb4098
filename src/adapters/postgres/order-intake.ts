/** The order path on Postgres: a batch becomes arrays, one call, one commit. See functions/place-orders.sql. */
import type { SQL } from "bun";
import type { OrderBatch, OrderIntake, OrderPass, OrderVerdict } from "#commerce/orders/ports.ts";
import { numbers, plain, query, sqlState, texts } from "./database.ts";
import findOrdersByKey from "./sql/find-orders-by-key.sql" with { type: "text" };
import placeOrders from "./sql/place-orders.sql" with { type: "text" };

type Verdicts = {
  verdicts: Int16Array | number[];
  ids: string[];
  short_order: Int32Array | number[];
  short_line: Int16Array | number[];
  short_variant: Int32Array | number[];
  short_left: Int32Array | number[];
};

/** SW001: a key was placed, or a pass used, by another process meanwhile. 40P01: deadlock. 40001: serialization. All are safe to send again. */
const retryable = new Set(["SW001", "40P01", "40001"]);
const tries = 4;

export function createOrderIntake(sql: SQL): OrderIntake {
  return {
    async place(batch) {
      const parameters = encode(batch);
      for (let attempt = 1; ; attempt++) {
        try {
          const [row] = await query<Verdicts>(sql, placeOrders, parameters);
          return decode(row as Verdicts, batch);
        } catch (error) {
          if (attempt >= tries || !retryable.has(sqlState(error) ?? "")) throw error;
        }
      }
    },
    async findByKey(keys) {
      const rows = await query<{ key: string; id: string; request: string }>(sql, findOrdersByKey, [plain(keys)]);
      return new Map(rows.map((row) => [row.key, { id: Number(row.id), request: row.request }]));
    },
  };
}

function encode(batch: OrderBatch): unknown[] {
  const { reading, orders } = batch;
  const key: string[] = [];
  const request: string[] = [];
  const priority: number[] = [];
  const email: string[] = [];
  const details: string[] = [];
  const subtotal: number[] = [];
  const discount: number[] = [];
  const shipping: number[] = [];
  const tax: number[] = [];
  const total: number[] = [];
  const promotion: number[] = [];
  const lineOrder: number[] = [];
  const lineNo: number[] = [];
  const lineVariant: number[] = [];
  const lineQuantity: number[] = [];
  const linePrice: number[] = [];
  const lineDiscount: number[] = [];
  const lineTax: number[] = [];
  const needOrder: number[] = [];
  const needLine: number[] = [];
  const needVariant: number[] = [];
  const needQuantity: number[] = [];
  const limitOrder: number[] = [];
  const limitPair: string[] = [];
  const limitQuantity: number[] = [];
  const passOrder: number[] = [];
  const passName: string[] = [];
  const passes = new Map<string, OrderPass>();

  for (let index = 0; index < orders.length; index++) {
    const order = orders[index] as OrderBatch["orders"][number];
    const place = index + 1;
    key.push(order.key);
    request.push(order.request);
    priority.push(order.priority);
    email.push(order.email);
    details.push(order.details);
    subtotal.push(order.subtotal);
    discount.push(order.discount);
    shipping.push(order.shipping);
    tax.push(order.tax);
    total.push(order.total);
    promotion.push(order.promotionId ?? 0);
    for (let number = 0; number < order.lines.length; number++) {
      const line = order.lines[number] as (typeof order.lines)[number];
      lineOrder.push(place);
      lineNo.push(number + 1);
      lineVariant.push(line.variantId);
      lineQuantity.push(line.quantity);
      linePrice.push(line.unitPrice);
      lineDiscount.push(line.discount);
      lineTax.push(line.tax);
      for (const need of line.needs) {
        needOrder.push(place);
        needLine.push(number + 1);
        needVariant.push(need.variantId);
        needQuantity.push(need.quantity);
      }
    }
    for (const limit of order.limits) {
      limitOrder.push(place);
      limitPair.push(`${limit.subject} ${limit.person}`);
      limitQuantity.push(limit.quantity);
    }
    for (const pass of order.passes) {
      const name = `${pass.room} ${pass.epoch} ${pass.seq}`;
      passOrder.push(place);
      passName.push(name);
      passes.set(name, pass);
    }
  }

  const variants = [...new Set(needVariant)].sort((a, b) => a - b);
  const variantSlot = new Map(variants.map((variant, index) => [variant, index + 1]));
  const pairs = [...new Set(limitPair)]
    .map((pair) => {
      const [subject, person] = pair.split(" ") as [string, string];
      return { pair, subject: Number(subject), person };
    })
    .sort((a, b) => a.subject - b.subject || (a.person < b.person ? -1 : 1));
  const pairSlot = new Map(pairs.map((entry, index) => [entry.pair, index + 1]));
  // Everywhere in the same order, so that no two commits wait for each other's passes.
  const distinct = [...passes].sort(([a], [b]) => (a < b ? -1 : 1));
  const passSlot = new Map(distinct.map(([name], index) => [name, index + 1]));

  return [
    reading.revision,
    reading.validFrom,
    reading.validUntil,
    batch.currency,
    batch.taxIncluded,
    plain(key),
    plain(request),
    numbers(priority),
    texts(email),
    texts(details),
    numbers(subtotal),
    numbers(discount),
    numbers(shipping),
    numbers(tax),
    numbers(total),
    numbers(promotion),
    numbers(lineOrder),
    numbers(lineNo),
    numbers(lineVariant),
    numbers(lineQuantity),
    numbers(linePrice),
    numbers(lineDiscount),
    numbers(lineTax),
    numbers(variants),
    numbers(needOrder),
    numbers(needLine),
    numbers(needVariant.map((variant) => variantSlot.get(variant) as number)),
    numbers(needQuantity),
    numbers(limitOrder),
    numbers(limitPair.map((pair) => pairSlot.get(pair) as number)),
    numbers(limitQuantity),
    numbers(pairs.map((entry) => entry.subject)),
    plain(pairs.map((entry) => entry.person)),
    numbers(passOrder),
    numbers(passName.map((name) => passSlot.get(name) as number)),
    texts(distinct.map(([, pass]) => pass.room)),
    numbers(distinct.map(([, pass]) => pass.epoch)),
    numbers(distinct.map(([, pass]) => pass.seq)),
    plain(distinct.map(([, pass]) => String(pass.isOnce))),
  ];
}

function decode(row: Verdicts, batch: OrderBatch): OrderVerdict[] {
  const verdicts: OrderVerdict[] = [];
  const short = new Map<number, { lineNo: number; variantId: number; left: number }[]>();
  for (let index = 0; index < row.short_order.length; index++) {
    const order = row.short_order[index] as number;
    const entry = {
      lineNo: row.short_line[index] as number,
      variantId: row.short_variant[index] as number,
      left: row.short_left[index] as number,
    };
    const entries = short.get(order);
    if (entries === undefined) short.set(order, [entry]);
    else entries.push(entry);
  }
  for (let index = 0; index < row.verdicts.length; index++) {
    const id = Number(row.ids[index]);
    switch (row.verdicts[index]) {
      case 0:
        verdicts.push({ kind: "placed", id });
        break;
      case 1:
        verdicts.push({ kind: "sold_out", short: shortLines(batch.orders[index], short.get(index + 1) ?? []) });
        break;
      case 2:
        verdicts.push({ kind: "limit", left: Math.min(...(short.get(index + 1) ?? []).map((entry) => entry.left)) });
        break;
      case 3:
        verdicts.push({ kind: "promotion_used_up" });
        break;
      case 4:
        verdicts.push({ kind: "replayed", id });
        break;
      case 5:
        verdicts.push({ kind: "conflict" });
        break;
      case 7:
        verdicts.push({ kind: "pass_used" });
        break;
      default:
        verdicts.push({ kind: "repriced" });
    }
  }
  return verdicts;
}

/** From needs to lines: of a bundle there are as many left as its scarcest part makes. */
function shortLines(
  order: OrderBatch["orders"][number] | undefined,
  needs: readonly { lineNo: number; variantId: number; left: number }[],
): { lineNo: number; left: number }[] {
  const leftByLine = new Map<number, number>();
  for (const { lineNo, variantId, left } of needs) {
    const line = order?.lines[lineNo - 1];
    const need = line?.needs.find((candidate) => candidate.variantId === variantId);
    const units = line === undefined || need === undefined ? 0 : Math.floor((left * line.quantity) / need.quantity);
    leftByLine.set(lineNo, Math.min(leftByLine.get(lineNo) ?? units, units));
  }
  return [...leftByLine].map(([lineNo, left]) => ({ lineNo, left }));
}
