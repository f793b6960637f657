-- The limit of one order by id, with its work orders: the rows whole, as the server reads them.
\set n random(1, :orders)
SELECT * FROM platform_order
WHERE tenant_id = 'default' AND id = ('0' || to_hex(:base::bigint + :n) || '70008000000000000000')::uuid;
SELECT * FROM work_order
WHERE tenant_id = 'default' AND order_id = ('0' || to_hex(:base::bigint + :n) || '70008000000000000000')::uuid
ORDER BY sequence;
