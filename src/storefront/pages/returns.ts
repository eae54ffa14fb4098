/** How to send something back, and how the money comes back. */
import type { Frame } from "../frame.ts";
import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";
import { plural } from "../words.ts";

export type ReturnsProps = {
  /** Days after delivery within which anything may come back. */
  readonly returnDays: number;
  readonly contactEmail: string;
  /** Lines of the postal address that parcels go back to; empty when it is told on request. */
  readonly returnAddress: readonly string[];
};

export function returnsPage(frame: Frame, props: ReturnsProps): Html {
  return layout(frame, {
    name: "prose",
    title: "Returns and refunds",
    description: `Send it back within ${plural(props.returnDays, "day", "days")}: how it works and when the money comes.`,
    canonical: "/returns",
    main: html`<header class="opening"><h1>Returns and refunds</h1><p class="lead">Not what you hoped for? You have ${plural(props.returnDays, "day", "days")} from delivery to send it back. That goes for sale items too.</p></header>
<section><h2>Sending it back</h2><ol>
<li><b>Tell us.</b> Write to <a href="mailto:${props.contactEmail}">${props.contactEmail}</a> with your order number and what comes back. No reason needed.</li>
<li><b>Pack it.</b> Unused, and in what it came in, if you still have that.</li>
<li><b>Send it.</b> ${
      props.returnAddress.length > 0
        ? html`To: ${props.returnAddress.join(", ")}. Keep the receipt.`
        : "We answer with the address and a label. Keep the receipt."
    }</li></ol></section>
<section><h2>The money</h2>
<p>We refund what you paid, to the card you paid with, within 3 working days of receiving the parcel. Your bank may take a few more days to show it. The order’s page shows the refund as soon as we have made it.</p></section>
<section><h2>Something is wrong with it</h2>
<p>Broken, wrong or missing: <a href="/help#contact">write to us</a>; a photo helps. We send a replacement while there is stock, or refund you, and pay for the return.</p></section>
<section><h2>Not shipped yet?</h2>
<p>Then there is nothing to return: cancel it on its own page. <a href="/orders/lookup">Find your order</a>.</p></section>`,
  });
}
