/**
 * The shop's script. Every page works without it; with it, the cart answers without a reload, stock and orders stay
 * live, and nobody sends a form twice by accident. Each file here looks for its own elements and leaves when there are none.
 */
import { showCartCount } from "./cart-count.ts";
import { guardForms } from "./forms.ts";
import { keepOrderLive } from "./order.ts";
import { keepProductLive } from "./product.ts";
import { localTimes } from "./swap.ts";

showCartCount();
localTimes();
guardForms();
keepProductLive();
keepOrderLive();
