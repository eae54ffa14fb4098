/** The same in forty seconds; most come for what is nearly gone. It is sold out when both troubles are over. */
import { saleOf } from "./sale.ts";

const sale = saleOf({ before: 5, rise: 1, hold: 28, after: 5, paymentOutageAt: 3, postgresKillAt: 2 });

export default {
  ...sale,
  journeys: sale.journeys?.map((journey) => (journey.name === "drop" ? { ...journey, weight: 120 } : journey)),
};
