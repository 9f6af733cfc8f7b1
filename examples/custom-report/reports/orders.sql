/*---
id: shop.orders.1
title: Orders
description: Every order of the interval, oldest first. Each row is one order.
parameters:
  interval_start: { type: timestamp, required: true, description: Inclusive start of the interval. }
  interval_end: { type: timestamp, required: true, description: Exclusive end of the interval. }
  currencies: { type: string, list: true, allowed: [eur, usd], description: Currencies to keep; all when absent. }
columns:
  order_id: { type: integer, description: Number of the order. }
  placed_on: { type: date, description: Day of the order in the timezone of the report. }
  buyer: { type: string, description: Name of the buyer. }
  currency: { type: string, description: 'Currency of the total, in lower case.' }
  total: { type: decimal, description: 'Amount of the order, in major units of the currency.' }
---*/
select
  o.id as order_id,
  (o.placed_at at time zone :timezone)::date as placed_on,
  o.buyer,
  o.currency,
  o.total
from shop.orders o
where o.account_id = :account_id
  and o.livemode = :livemode
  and o.placed_at >= :interval_start
  and o.placed_at < :interval_end
  and (:currencies is null or o.currency = any (:currencies))
order by o.placed_at, o.id
