/** bin/spillway rehearse test/rehearse/three-minute-sale.ts --house */
import { saleOf } from "./sale.ts";

export default saleOf({ before: 40, rise: 5, hold: 90, after: 40, paymentOutageAt: 50, postgresKillAt: 100 });
