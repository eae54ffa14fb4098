/**
 * An order's own page, for whoever holds its address: where it stands, what is next, what one can do. The script keeps it
 * live over server-sent events; without script it refreshes itself while something moves, and offers to stop that.
 */
import type { OrderView } from "#contract/shop.ts";
import { errorSummary } from "../form-field.ts";
import type { Frame } from "../frame.ts";
import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";
import { liveState } from "../live-state.ts";
import { orderSteps, orderStory } from "../order-story.ts";
import { summaryLines, totalsList } from "../order-summary.ts";
import { type PaymentOption, paymentChoice } from "../payment-choice.ts";
import { countryNames, moment, money } from "../words.ts";

export type OrderStatusProps = {
  readonly order: OrderView;
  /** "/orders/1001/KEY": the forms go to paths below it, the events come from `/events` below it. */
  readonly statusUrl: string;
  /** For another try; may be empty when none is due. */
  readonly paymentOptions: readonly PaymentOption[];
  /** Why the last thing asked for was refused. */
  readonly problem?: string | null;
  /** False after `?refresh=off`: people who need more time stop the refresh. */
  readonly refresh?: boolean;
};

const refreshSeconds = 20;

export function orderStatusPage(frame: Frame, props: OrderStatusProps): Html {
  const { order, statusUrl } = props;
  const story = orderStory(order);
  const refreshes = story.moving && props.refresh !== false;
  return layout(frame, {
    name: "order",
    title: `${story.title}: order ${order.orderNumber}`,
    canonical: null,
    head: refreshes ? html`<noscript><meta http-equiv="refresh" content="20"></noscript>` : null,
    main: html`<div data-live="${statusUrl}/events" data-state="${liveState(order)}" data-say="${story.title}">
${errorSummary("That did not work", [], props.problem)}
<div class="pair">
<div>
<p class="soft">Order ${order.orderNumber}, placed ${moment(frame, order.placedAt)}</p>
<h1>${story.title}</h1><p class="lead">${story.text}</p>${
      order.delay !== null && html`<p class="delay"><b>A little later than planned.</b> ${order.delay}</p>`
    }
${turn(frame, props, story.tone === "yours")}
<ol class="path" aria-label="The way of your order">${orderSteps(order).map(
      (step) =>
        html`<li class="${step.state}" aria-current=${step.state === "now" && "step"}><span class="gauge ${gauge[step.state]}" aria-hidden="true"></span><b>${step.name}</b>${
          step.state === "to-come" && html`<span class="vh"> (still to come)</span>`
        }${step.at !== null && html` <span class="soft">${moment(frame, step.at)}</span>`}</li>`,
    )}</ol>
${
  order.tracking !== null &&
  html`<p class="track">${order.tracking.carrier}, parcel <b>${order.tracking.number}</b>${
    order.tracking.url !== null && html`. <a href="${order.tracking.url}" rel="noreferrer">Follow it at the carrier</a>`
  }</p>`
}
${
  order.events.length > 0 &&
  html`<details><summary>Order history</summary><ol class="events">${order.events.map(
    (event) => html`<li>${moment(frame, event.at)} ${event.text}</li>`,
  )}</ol></details>`
}
${order.canCancel && cancelForm(statusUrl)}
<p class="soft keep">Keep this page’s address: it is the key to your order. It is also in the e-mail to ${order.email}. ${
      refreshes &&
      html`<noscript>The page refreshes itself every ${refreshSeconds} seconds while something moves. <a href="?refresh=off">Stop that</a>.</noscript>`
    }</p>
</div>
<aside class="sum" aria-labelledby="sum"><h2 id="sum">Your order</h2>${summaryLines(frame, order.lines)}${totalsList(
      frame,
      order.totals,
      order.refunded.amount > 0 ? [["Refunded", money(frame, order.refunded)]] : [],
    )}<h3>Delivering to</h3>${address(frame, order)}<p class="soft">${order.shippingMethod}</p></aside>
</div>
</div>`,
  });
}

const gauge = { done: "full", now: "half", stopped: "stop", "to-come": "empty", over: "over" } as const;

/** What the shopper can do about the payment now. */
function turn(frame: Frame, props: OrderStatusProps, theirs: boolean): Html {
  const { order } = props;
  const held =
    order.holdUntil !== null && html`<p class="held">Held for you until ${moment(frame, order.holdUntil, "clock")}</p>`;
  if (order.actionUrl !== null && theirs) {
    return html`<div class="turn">${held}<p><a class="main" href="${order.actionUrl}">Continue to your bank</a></p></div>`;
  }
  if (order.canRetryPayment && props.paymentOptions.length > 0) {
    return html`<form class="turn stack" action="${props.statusUrl}/payment" method="post" data-once>${held}${paymentChoice(props.paymentOptions, null)}<button class="main" data-busy="Asking your bank…">Pay ${money(frame, order.total)}</button></form>`;
  }
  return html`${held}`;
}

function cancelForm(statusUrl: string): Html {
  return html`<details><summary>Cancel this order</summary><form action="${statusUrl}/cancel" method="post" data-once><p>Its items go back on sale at once, and whatever you paid is refunded. This cannot be undone.</p><button class="second" data-busy="Cancelling…">Cancel the order</button></form></details>`;
}

function address(frame: Frame, order: OrderView): Html {
  const to = order.shippingAddress;
  const lines = [
    to.name,
    to.line1,
    to.line2 ?? "",
    `${to.postalCode} ${to.city}`,
    to.region ?? "",
    countryNames(frame, [to.country])[0]?.name ?? to.country,
  ].filter((line) => line.trim() !== "");
  return html`<address>${lines.map((line, index) => html`${index > 0 && html`<br>`}${line}`)}</address>`;
}
