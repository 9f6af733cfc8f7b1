/*---
id: shop.orders.1
title: Orders
description: Every order that was placed in the interval, oldest first. Each row is one order.
parameters:
  interval_start: { type: timestamp, required: true, description: Inclusive start of the time in which orders were placed. }
  interval_end: { type: timestamp, required: true, description: Exclusive end of that time. }
  currencies: { type: string, list: true, allowed: [eur, jpy, usd], description: Currencies to keep; all when absent. }
  least_total: { type: decimal, default: 0, description: 'Smallest total to keep, in major units of its currency.' }
  buyer: { type: string, description: Buyer whose orders to keep; those of all buyers when absent. }
columns:
  order_id: { type: integer, description: Number of the order. }
  placed_at: { type: timestamp, description: When it was placed. }
  placed_on: { type: date, description: The day of that in the timezone of the report. }
  buyer: { type: string, description: Name of the buyer. }
  total: { type: decimal, description: 'What was to be paid, in major units of the currency.' }
  currency: { type: string, description: 'Currency of the total, in lower case.' }
  is_gift: { type: boolean, default: false, description: Whether somebody else gets it. }
---*/
select
  o.id as order_id,
  o.placed_at,
  (o.placed_at at time zone :timezone)::date as placed_on,
  o.buyer,
  o.total,
  o.currency,
  o.is_gift
from shop.orders o
where o.account_id = :account_id
  and o.livemode = :livemode
  and o.placed_at >= :interval_start
  and o.placed_at < :interval_end
  and (:currencies is null or o.currency = any (:currencies))
  and o.total >= :least_total
  and (:buyer is null or o.buyer = :buyer)
order by o.placed_at, o.id;
